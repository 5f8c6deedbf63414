"""`review export`: a file that verifies elsewhere, and shows no payload."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from realtime.audit import ledger
from realtime.audit.keys import derived
from realtime.audit.models import Access
from tenants.models import Tenant
from tests.realtime.audit.rows_of_ledger import access, chain, in_json, review
from tests.realtime.pieces import frame

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def acme(db: None) -> Tenant:
    """A tenant with three accesses, of which there is a chain."""
    acme = Tenant.objects.create(slug="acme", name="Acme")
    for number in range(3):
        access(acme, object_id=number)
    assert chain() == 3
    return acme


@pytest.fixture
def exported(acme: Tenant, tmp_path: Path) -> Path:
    path = tmp_path / "acme.jsonl"
    code, printed = review("export", "--tenant", "acme", "--output", path)
    assert code == 0
    assert printed.startswith(f"Wrote the ledger of acme to {path}: 3 lines.\nHead: 3:")
    return path


def test_export_is_for_its_owner_and_says_its_head(exported: Path) -> None:
    assert exported.stat().st_mode & 0o777 == 0o600
    assert review("verify", "--file", exported)[1] == review("verify", "--tenant", "acme")[1]


def test_export_tells_programs_its_head(acme: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "file"
    told = in_json("export", "--tenant", "acme", "--output", path)[1]
    assert told == {
        "tenant": "acme",
        "lines": 3,
        "head": in_json("verify", "--file", path)[1]["head"],
    }


def test_export_shows_no_payload(acme: Tenant, tmp_path: Path) -> None:
    Tenant.objects.update(record_payloads=True)
    ledger.write_pushes(acme.pk, [frame(3, '{"a": "a canary"}', tenant_id=acme.pk)])
    assert review("export", "--tenant", "acme", "--output", tmp_path / "file")[0] == 0
    fact = json.loads((tmp_path / "file").read_text().splitlines()[-1])["fact"]
    assert fact.pop("etag") == 'viewer:{"a": "a canary"}'  # made of the body by the tests' frame
    assert len(fact["payload"]) == 64
    assert "canary" not in str(fact)


def test_export_of_a_broken_ledger_is_broken_too(acme: Tenant, tmp_path: Path) -> None:
    Access.objects.all()[0].delete()
    assert review("export", "--tenant", "acme", "--output", tmp_path / "file")[0] == 0
    code, printed = review("verify", "--file", tmp_path / "file")
    assert code == 1
    assert "deleted, and not by prune" in printed


def test_export_that_fails_leaves_no_file(
    acme: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise OSError

    monkeypatch.setattr("realtime.audit.chain_file.write", fails)
    with pytest.raises(OSError):  # noqa: PT011 - any
        review("export", "--tenant", "acme", "--output", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_file_whose_first_line_was_edited_is_broken(exported: Path) -> None:
    exported.write_text(exported.read_text().replace('"tenant":"acme"', '"tenant":"globex"'))
    code, printed = review("verify", "--file", exported)
    assert code == 1
    assert "BROKEN  The first line of the file: not as export wrote it.\n" in printed


def test_file_verifies_elsewhere_with_the_key_and_no_database(
    exported: Path, settings: Settings
) -> None:
    """With another `SECRET_KEY`, and a database that is not there."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "of another installation, which is long enough",
        "EARSHOT_SINGLE_PROCESS": "1",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "EARSHOT_LEDGER_KEYS": derived(settings.SECRET_KEY),
    }

    command = [sys.executable, "manage.py", "review", "verify", "--file", str(exported)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == review("verify", "--tenant", "acme")[1]
    exported.write_text(exported.read_text().replace('"user_id":7', '"user_id":8', 1))
    assert review("verify", "--file", exported)[0] == 1


def test_file_that_exists_is_not_written_over(acme: Tenant, exported: Path) -> None:
    before = exported.read_text()
    code, printed = review("export", "--tenant", "acme", "--output", exported)
    assert (code, printed) == (
        2, f"{exported} cannot be created (File exists): name a file that does not exist.",
    )  # fmt: skip
    assert exported.read_text() == before

"""The audit says what it has not audited, the list of packages names no registry, and only a
network that is not there excuses what Node was to check."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supply import audit, node
from supply.sbom import without_addresses

ROOT = Path(__file__).parent.parent
SKIPPED = {"name": "attrs", "skip_reason": "not found"}
CLEAN = {"name": "django", "version": "5.2.19", "vulns": []}
BAD = {
    "name": "redis", "version": "7",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["8"]}],
}  # fmt: skip


def output(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize("text", ["", "no json", "{}", output(), output(SKIPPED, SKIPPED)])
def test_audit_without_an_answer_says_so_and_does_not_fail(text: str) -> None:
    code, told = audit.verdict(text, {})
    assert (code, "nothing was audited" in told) == (0, True)


def test_vulnerability_fails_by_name_unless_its_exception_has_a_reason() -> None:
    code, told = audit.verdict(output(CLEAN, BAD, SKIPPED), {})
    assert (code, told.splitlines()[0]) == (1, "redis 7: PYSEC-1, fixed in 8")
    accepted = audit.excepted("# words\nCVE-1 The command is not used.\n")
    assert audit.verdict(output(CLEAN, BAD), accepted)[0] == 0
    assert audit.verdict(output(CLEAN, SKIPPED), {}) == (
        0, "Audit: 1 of 2 packages, 0 exceptions."
    )  # fmt: skip


def test_exception_without_a_reason_is_refused() -> None:
    with pytest.raises(audit.WithoutReason, match="CVE-1"):
        audit.excepted("CVE-1\n")
    assert audit.excepted((ROOT / audit.EXCEPTIONS).read_text()) == {}


def test_program_that_is_missing_or_takes_too_long_is_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f"#!{sys.executable}\nimport threading\nthreading.Event().wait()\n")
    slow.chmod(0o755)
    monkeypatch.setattr(audit, "SECONDS", 0.1)
    monkeypatch.chdir(ROOT)
    assert [audit.main(str(tmp_path / "none")), audit.main(str(slow))] == [0, 0]
    assert capsys.readouterr().out.count("nothing was audited") == 2


def test_list_of_packages_has_their_hashes_and_no_address() -> None:
    hashes = [{"alg": "SHA-256", "content": "ab"}]
    reference = {"type": "distribution", "url": "an address", "hashes": hashes}
    component = {"name": "attrs", "description": "line 1", "externalReferences": [reference]}
    [made] = without_addresses({"components": [component], "metadata": {"tools": []}})["components"]
    assert made == {
        "name": "attrs",
        "properties": [{"name": "earshot:file:sha256", "value": "ab"}],
    }


def step(folder: Path, script: str) -> node.Step:
    """One that runs a script in the place of pip or npm."""
    lock, made = folder / "lock", folder / "made"
    lock.write_text("later" if made.exists() else "first")
    return node.Step(lock, made, folder / "copy", [sys.executable, "-c", script, made])


MAKE = "import pathlib, sys; pathlib.Path(sys.argv[1]).mkdir(exist_ok=True)"
UNREACHED = "import sys; sys.exit('npm error code EAI_AGAIN')"


def test_what_a_lock_asks_for_is_installed_once_and_again_for_a_later_lock(tmp_path: Path) -> None:
    made = step(tmp_path, MAKE)
    assert node.installed(made)
    assert node.installed(replace(made, command=["false"]))
    with pytest.raises(SystemExit, match="lock cannot be installed"):
        node.installed(step(tmp_path, "raise SystemExit(1)"))
    assert node.installed(step(tmp_path, MAKE))
    assert (tmp_path / "copy").read_text() == "later"


def test_what_was_once_installed_needs_no_excuse_but_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "STEPS", [step(tmp_path, UNREACHED)])
    assert node.main(["false"]) == 0
    assert "no network" in capsys.readouterr().out
    monkeypatch.setattr(node, "STEPS", [step(tmp_path, "raise SystemExit('EINTEGRITY')")])
    with pytest.raises(SystemExit, match="EINTEGRITY"):
        node.main(["true"])
    monkeypatch.setattr(node, "STEPS", [step(tmp_path, MAKE)])
    assert [node.main([name]) for name in ("true", "false")] == [0, 1]
    monkeypatch.setattr(node, "STEPS", [step(tmp_path, UNREACHED)])
    with pytest.raises(SystemExit, match="EAI_AGAIN"):
        node.main(["true"])

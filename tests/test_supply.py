"""The audit says what it has not audited, and the list of packages names no registry."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from supply import audit
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

"""Every module has its tests where one looks for them, and no file grows long."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("tenants", "permissions", "realtime", "resources", "project")
LINES = 300

DECLARING = {"apps", "urls", "signals", "models", "audiences"}
"""Modules that declare or connect; what they declare is tested where it works."""

UNPAIRED: dict[str, tuple[str, ...]] = {
    "by the conversation's tests and `test_hub_reserved`": ("realtime/transport/door.py",),
    "by the tests of streams, and `test_openapi`": ("project/contracts/streams.py",),
    "by `test_generic_grants`": (
        "permissions/grant_index.py",
        "permissions/management/commands/copy_grants.py",
        "permissions/management/commands/index_grants.py",
    ),
    "by `test_tables_declared` and `tests/test_permission_sources.py`": (
        "realtime/capture/granted.py",
    ),
    "by `tests/test_hosted.py`": (
        "realtime/capture/following.py",
        "realtime/capture/hosted.py",
    ),
    "by `test_rows`": (
        "permissions/list_ways.py",
        "permissions/row_statements.py",
    ),
    "by `tests/test_tenants_found.py`": ("realtime/capture/joining.py",),
    "what `tests/model` walks through and `tests/test_windows.py` uses": (
        "realtime/audit/watches.py",
        "realtime/audit/viewings.py",
        "realtime/hub/model_groups.py",
        "realtime/hub/obeying.py",
        "realtime/hub/served.py",
        "realtime/state/telling.py",
        "realtime/state/windows.py",
    ),
    "what `test_probing_doors` looks through": (
        "permissions/review/doors.py",
        "permissions/review/rest_doors.py",
        "realtime/hub/rehearsed.py",
    ),
    "what `test_digests` and `test_naming` digest": ("permissions/review/plain.py",),
    "what `tests/realtime/audit/test_seen.py` asks": ("realtime/audit/questions.py",),
    "tried where it is used: limits, invitations, connections and turns": (
        "tenants/forms.py",
        "tenants/limit_rules.py",
        "tenants/metrics.py",
        "tenants/places.py",
        "tenants/postgresql.py",
        "tenants/refused.py",
        "tenants/rest_places.py",
    ),
    "what `test_decision`, `test_read`, `test_listing`, `test_rest_grants_listing` and the tail's"
    " tests try": (
        "permissions/commits.py",
        "permissions/grant_paths.py",
        "permissions/list_statements.py",
        "permissions/representation.py",
        "permissions/statements.py",
        "permissions/subjects.py",
    ),
    "by `test_tenant_command`, `test_pruning`, and the review's own tests of commands": (
        "permissions/management/commands/review.py",
        "realtime/management/commands/prune.py",
        "project/console/management/commands/create_tenant.py",
        "project/console/management/commands/delete_tenant.py",
        "project/console/management/commands/export_tenant.py",
        "project/console/management/commands/resume_tenant.py",
        "project/console/management/commands/suspend_tenant.py",
    ),
    "what the review's commands and its REST are tried with": (
        "permissions/review/asking.py",
        "permissions/review/difference.py",
        "permissions/review/entries.py",
        "permissions/review/facts.py",
        "permissions/review/findings.py",
        "permissions/review/foretelling.py",
        "permissions/review/forms.py",
        "permissions/review/holding.py",
        "permissions/review/hypotheses.py",
        "permissions/review/named.py",
        "permissions/review/never.py",
        "permissions/review/revisions.py",
        "permissions/review/sensitivity.py",
        "permissions/review/supposing.py",
        "permissions/review/telling.py",
        "permissions/review/verdict.py",
        "permissions/review/what_if.py",
    ),
    "tried where it is used: the parser's, the ledger's, the intervals' and the servers' tests": (
        "realtime/audit/captured.py",
        "realtime/audit/inquiries.py",
        "realtime/capture/interval_models.py",
        "realtime/audit/reading.py",
        "realtime/state/commands.py",
        "realtime/transport/on_daphne.py",
        "realtime/transport/transport.py",
    ),
    "what the table of clients tries, by `test_store`": (
        "realtime/client/copies.py",
        "realtime/client/held.py",
    ),
    "what the tests of live, tables, triggers and installing try": (
        "realtime/capture/adopting.py",
        "realtime/capture/batches.py",
        "realtime/capture/beside_postgresql.py",
        "realtime/capture/beside_sqlite.py",
        "realtime/capture/intervals_sqlite.py",
        "realtime/capture/linked.py",
        "realtime/capture/live_postgresql.py",
        "realtime/capture/live_sqlite.py",
        "realtime/capture/numbering_postgresql.py",
        "realtime/capture/numbering_sqlite.py",
        "realtime/capture/parts_postgresql.py",
        "realtime/capture/parts_sqlite.py",
        "realtime/capture/postgresql.py",
    ),
    "a part of the hub, tried by `test_hub` and `test_rounds`": ("realtime/hub/per_loop.py",),
    "the settings' tests": ("project/environment.py",),
    "what both documents are made of, tried with them": (
        "project/contracts/errors.py",
        "project/contracts/payloads.py",
        "project/contracts/schemas.py",
        "project/contracts/spectacular.py",
        "project/contracts/texts.py",
    ),
}
"""Modules without tests of their own, by what tries them instead."""

OF_SEVERAL = {
    "tests/tenants/test_invitations.py",
    "tests/tenants/test_invitations_leaving.py",
    "tests/permissions/review/test_command_explain.py",
    "tests/permissions/review/test_widening_by_code.py",
    "tests/realtime/audit/test_purpose.py",
    "tests/permissions/review/test_command_lock.py",
    "tests/permissions/review/test_command_what_if.py",
}
"""Tests of what several modules do together."""


def modules() -> list[Path]:
    """Every module of the packages that could have tests."""
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return [p for p in sorted(found) if p.name != "__init__.py" and "migrations" not in p.parts]


def where_looked_for(module: Path) -> list[Path]:
    """The files where its tests are looked for; those of commands are beside the folder's."""
    parts = module.parent.relative_to(ROOT).parts
    folder = ROOT / "tests" / Path(*(p for p in parts if p not in ("management", "commands")))
    name = f"test_{module.stem.strip('_')}"
    return [t for t in folder.glob("test_*.py") if f"{t.stem}_".startswith(f"{name}_")]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_module_has_its_tests_where_they_are_looked_for() -> None:
    alone = {named(m) for m in modules() if not where_looked_for(m) and m.stem not in DECLARING}
    assert alone == {path for paths in UNPAIRED.values() for path in paths}


def test_every_file_of_tests_has_its_module() -> None:
    paired = {test for module in modules() for test in where_looked_for(module)}
    tests = {t for package in PACKAGES for t in (ROOT / "tests" / package).rglob("test_*.py")}
    alone = {named(t) for t in tests - paired if t.stem != "test_migrations"}
    assert alone == OF_SEVERAL


def test_no_file_is_long() -> None:
    paths = [p for folder in (*PACKAGES, "tests", "bench") for p in (ROOT / folder).rglob("*.py")]
    lines = {named(p): len(p.read_text().splitlines()) for p in paths}
    assert {path: n for path, n in lines.items() if n > LINES} == {}

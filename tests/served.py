"""Which tests run where: on SQLite, or also on PostgreSQL with Valkey, and with which cases.

`make test` runs each on SQLite, and on PostgreSQL what alone reaches the lines that are for it.
`make both` runs on the servers those that ask the database or the broker. Of a test with several
cases `make both` runs the first, and `make test` also a tenth of the others, always the same ones,
or all if they ask no database: cases that differ in values rarely fail alone, and `make nightly`
runs all of them. Tests marked `each_case` differ in statements, locks, messages, or in lines that
nothing else covers, and run whole.

What starts servers, browsers or whole projects takes minutes, and is marked `programs`: `make both`
runs it, on the servers.
"""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import pytest

from tests.databases import ELSEWHERE

TESTS = Path(__file__).parent

WITH_A_BROKER = ("realtime/hub/", "realtime/publishing/", "realtime/test_", "realtime/transport/")
"""Rooms that speak with the broker, where also a test that asks no database may need one."""

WHOLE = ("realtime/capture/",)
"""Rooms whose cases are different statements, as those of tests marked `each_case` are."""

ONCE = (
    "project/console/test_admin",
    "project/console/test_demo.py",
    "project/test_middleware.py",
    "permissions/review/test_command",
    "permissions/review/test_probing_command.py",
    "permissions/test_rest_access.py",
    "permissions/test_rest_creating.py",
    "permissions/test_rest_grants_changing.py",
    "permissions/test_rest_grants_listing.py",
    "permissions/test_rest_grants_managers.py",
    "permissions/test_rest_writing.py",
    "realtime/client/",
    "realtime/transport/test_conversation",
    "realtime/transport/test_on_uvicorn.py",
    "resources/",
    "tenants/test_hosted_checks.py",
    "tenants/test_links.py",
    "tenants/test_passwords.py",
    "tenants/test_views",
    "test_bounds_of_servers.py",
    "test_broker_keys.py",
    "test_clients_document.py",
    "test_cost_of_classes.py",
    "test_frameworks_signatures.py",
    "test_given.py",
    "test_javascript_client",
    "test_log_lines.py",
    "test_metrics_of_workers.py",
    "test_names.py",
    "test_operations.py",
    "test_pages_in_a_browser.py",
    "test_protocol_document.py",
    "test_readme.py",
    "test_review_document.py",
    "test_security_headers.py",
    "test_servers.py",
)
"""What neither database nor broker changes: what a document claims, what an address or a command
takes and tells, what a server does with bytes, and tests that start databases of their own. That a
call works on both databases, `test_convergence.py` and the tests of locks and of refusals show."""


POSTGRESQL = (
    "permissions/test_snapshot.py",
    "realtime/audit/test_chaining.py",
    "realtime/capture/test_committed.py",
    "realtime/capture/test_installing",
    "realtime/capture/test_intervals.py",
    "realtime/capture/test_live.py",
    "realtime/capture/test_live_parameters.py",
    "realtime/capture/test_locks.py",
    "realtime/capture/test_waking.py",
    "realtime/hub/test_listening.py",
    "realtime/hub/test_tail_reading.py",
    "realtime/test_doctor.py",
)
"""Where tests that SQLite cannot run reach lines that it never reaches, so that `make test` runs
these tests on PostgreSQL, too. Others that do are marked `postgresql` themselves."""

SAMPLED = 10
"""One of how many other cases `make test` runs, of what asks the database: others are quick."""

STARTING = {"house", "server_with_tasks", "start_server"}
"""Fixtures that start programs."""


def asks_the_database(item: pytest.Item) -> bool:
    """Whether the test, or what it starts, reads or writes a database."""
    asked = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    return bool(asked) or item.get_closest_marker("django_db") is not None


def mark(items: list[pytest.Item]) -> None:
    """Mark `programs`, what is `served`, or `postgresql` if `make test` already runs it there, and
    a test's other cases as `repeats`, most of them `rare`."""
    seen: set[str] = set()
    for item in items:
        if STARTING & set(getattr(item, "fixturenames", ())):
            item.add_marker("programs")
        path = item.path.relative_to(TESTS).as_posix()
        reasons = (mark.kwargs["reason"] for mark in item.iter_markers("skipif"))
        skipped = {ELSEWHERE[why] for why in reasons if why in ELSEWHERE}
        if "postgresql" in skipped and path.startswith(POSTGRESQL):
            item.add_marker("postgresql")
        asked = asks_the_database(item)
        needed = asked or path.startswith(WITH_A_BROKER)
        there = item.get_closest_marker("postgresql") is not None
        if not there and (skipped or (needed and not path.startswith(ONCE))):
            item.add_marker("served")
        function = item.nodeid.partition("[")[0]
        whole = skipped or path.startswith(WHOLE) or item.get_closest_marker("each_case")
        if function in seen and not whole:
            item.add_marker("repeats")
            if asked and crc32(item.nodeid.encode()) % SAMPLED:
                item.add_marker("rare")
        seen.add(function)

"""What all tests share. Their settings are in `tests/settings.py`."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.core.cache import cache
from django.db import connection, connections
from django.test import testcases
from hypothesis import settings as examples
from prometheus_client import Counter
from pytest_django import Settings

from project.logs import Formatter
from realtime import failures
from realtime.hub.oracle import oracle
from realtime.metrics import DRIFT, ORACLE_DIFFERENCES, ROUND_FAILURES
from tests import given, measuring
from tests.announced import SECONDS, announced
from tests.collecting import quickly
from tests.contracts import Watch, watching
from tests.live import LiveServer, live_server
from tests.neighbours import Scene
from tests.prepared import prepare
from tests.reused import reused
from tests.rows import filled
from tests.served import asks_the_database, mark
from tests.streams import TRANSPORTS, Chosen
from tests.unshowable import failing
from tests.windows import Open, Windows, opened
from tests.world import World

StartServer = Callable[..., LiveServer]


# A slow machine is no failure. `make nightly` tries many more.
examples.register_profile("tests", max_examples=int(os.environ.get("EXAMPLES", 30)), deadline=None)
examples.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Not all tests are measured."""
    config.pluginmanager.register(measuring)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """What is collected is no test yet."""
    with quickly():
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what must run on both databases."""
    mark(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """The tables are emptied after a test; nothing may still be announced from them."""
    announced()
    assert oracle.flush(SECONDS)


@pytest.fixture(scope="session", autouse=True)
def measured_here() -> None:
    """Only the processes of the tests are measured: those that tests start would become slow."""
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[given.Search]:
    """The search of what this run logs, for what it has given out."""
    file = tmp_path_factory.mktemp("given") / "given"
    file.touch()
    search = given.Search(Formatter(as_json=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(given.FILE, str(file))
        logging.getLogger().addHandler(search)
        yield search
        logging.getLogger().removeHandler(search)


@pytest.fixture(scope="session")
def watch() -> Iterator[Watch]:
    """What a test received that is not as the contracts say."""
    with watching() as watch:
        yield watch


def total(counter: Counter) -> float:
    """What a counter says, over all its labels."""
    samples = (sample for metric in counter.collect() for sample in metric.samples)
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By which transport the clients of a test come: by each."""
    monkeypatch.setattr(Chosen, "transport", request.param)
    return str(request.param)


@pytest.fixture(autouse=True)
def sound(request: pytest.FixtureRequest, searched: given.Search, watch: Watch) -> Iterator[None]:
    """What holds in every test; one fixture, since thousands of tests would wait for each.

    Nothing that a test logs shows a credential or a payload; servers' logs are searched too. The
    sweep finds nothing that the triggers did not, but in tests that take triggers away. Each frame
    that came shows what REST answers, but in tests that forge, or take triggers. Each answer
    and frame that a test received is as the contracts say, but in tests that forge.

    Nothing of another test lasts: no outage is still to be told of, what users asked counts for
    nobody, who may have the same key, and no connection is left behind.
    """
    for outage in (failures.database, failures.broker):
        outage._since = None
    cache.clear()
    drift, differences = total(DRIFT), total(ORACLE_DIFFERENCES)
    yield
    if asks_the_database(request.node):
        _disconnect()
    assert searched.found == set()
    drifts, forges = map(request.node.get_closest_marker, ("drifts", "forges"))
    wrong, watch.wrong = watch.wrong, []
    assert forges or wrong == []
    if not drifts:
        assert total(DRIFT) == drift, "A write escaped the triggers; the sweep repaired it."
        if not forges:
            said = "A delivered frame differs from REST; the log says which."
            assert total(ORACLE_DIFFERENCES) == differences, said


def _disconnect() -> None:
    """What a test asked, or an asynchronous one of Django's thread, leaves no connection behind.

    The next one may have no right to look at it, as whoever gives connections back does.
    """
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()
    connections.close_all()


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections go back as soon as they may, as where there are few: SQLite's are kept."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> Iterator[None]:
    """The database is copied where one like it has been made."""
    with pytest.MonkeyPatch.context() as patch:
        prepare(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def quickly_emptied(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Tables are emptied by DELETE, and what migrations fill stays, unless a test deleted of it.

    Django's command would truncate each, which makes new files, fill those again after each test,
    and look each time for the commands of all apps.
    """
    run: Any = vars(testcases)["call_command"]
    with django_db_blocker.unblock():
        if "auth_permission" not in connection.introspection.table_names():
            yield  # no test of this run needs the database
            return
        filled.record()
        _disconnect()  # the first test may have no right to it

    def empty(command: str, *args: Any, **options: Any) -> None:
        if command != "flush":
            run(command, *args, **options)
        else:
            filled.put_back()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testcases, "call_command", empty)
        yield


@pytest.fixture(scope="session", autouse=True)
def opened_once(django_db_setup: None) -> Iterator[None]:
    """What closes a connection to SQLite's file leaves it to the next one that opens one."""
    if connection.vendor != "sqlite":
        yield
        return
    with (
        pytest.MonkeyPatch.context() as patch,
        reused(str(connection.settings_dict["NAME"]), patch),
    ):
        yield


@pytest.fixture(scope="session", autouse=True)
def alone(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A thread that ended with its connection open does not keep the database from going."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND datname LIKE 'test%'"  # else no test needs one, and others use this one too
            )


@pytest.fixture
def start_server(transactional_db: None) -> Iterator[StartServer]:
    """`start_server("daphne", EARSHOT_TAIL_SECONDS="1")` starts a process; all stop at the end."""
    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(live_server(*args, **kwargs))


@pytest.fixture
def world(transactional_db: None) -> World:
    """Two tenants, their people and one shared document, committed and announced."""
    world = World()
    announced()
    return world


@pytest.fixture
def by_hand(settings: Settings) -> None:
    """The tail, the sweep and the chain run only where the test runs them, and a held join is not
    given up."""
    periods = ("tail_seconds", "sweep_seconds", "chain_seconds", "broker_probe_seconds")
    never = dict.fromkeys(periods, 3600.0)
    never["broker_timeout_seconds"] = 60.0
    settings.EARSHOT = {**settings.EARSHOT, **never}


@pytest.fixture
def unshowable() -> Iterator[None]:
    """Some documents cannot be shown, and no round fails of it."""
    failures = ROUND_FAILURES._value.get()
    with failing():
        yield
    assert ROUND_FAILURES._value.get() == failures


@pytest.fixture
def scene(world: World, settings: Settings) -> Scene:
    """The two tenants as neighbours, and nobody is held up by a limit."""
    most = {"requests_per_minute": 10**6, "invitations_per_minute": 10**6}
    settings.EARSHOT = settings.EARSHOT | most
    return Scene(world)


@pytest.fixture
async def enter(world: World) -> AsyncIterator[Open]:
    """Welcomed sockets of users with windows, which are closed at the end."""
    entered: list[Windows] = []

    async def enter(username: str) -> Windows:
        entered.append(await opened(world, username))
        return entered[-1]

    yield enter
    for one in entered:
        await one.socket.__aexit__()

"""What all tests share. Their settings are in `tests/settings.py`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.live import LiveServer, live_server

StartServer = Callable[..., LiveServer]


@pytest.fixture
def start_server(transactional_db: None) -> Iterator[StartServer]:
    """`start_server("daphne", EARSHOT_TAIL_SECONDS="1")` starts a process; all stop at the end."""
    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(live_server(*args, **kwargs))

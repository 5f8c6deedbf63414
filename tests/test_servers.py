"""The servers that the tests start, and how they end."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection

from tests.conftest import StartServer
from tests.live import Program
from tests.servers import Valkey, running, wait_until_ready

USE_BOTH = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as postgres:
    postgres.execute("SELECT 1")
with redis.Redis.from_url(os.environ["REDIS_URL"]) as valkey:
    valkey.ping()
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
raise SystemExit(7)
"""


def listens(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((urlsplit(url).hostname, urlsplit(url).port)) == 0


@pytest.mark.programs
def test_command_reaches_both_servers_and_they_end_with_it() -> None:
    command = [sys.executable, "-m", "tests.servers", sys.executable, "-c", USE_BOTH]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # an unprivileged user's servers lie in it
        variables = os.environ | {"TMPDIR": folder}
        done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
        assert done.returncode == 7, done.stderr
        assert [listens(url) for url in done.stdout.split()] == [False, False]
        assert list(Path(folder).iterdir()) == []


def test_broker_comes_back_at_the_same_address() -> None:
    with running(Valkey) as valkey:
        address = valkey.url
        valkey.stop()
        assert not listens(address)
        valkey.start()
        assert listens(address)
        assert valkey.url == address


def test_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("no such option")
    process = subprocess.Popen([sys.executable, "-c", ""])
    with pytest.raises(RuntimeError, match="no such option"):
        wait_until_ready(process, lambda: False, log)


@pytest.mark.parametrize("program", ["uvicorn", "daphne"])
def test_live_server_answers_until_it_is_stopped(
    start_server: StartServer, program: Program
) -> None:
    server = start_server(program)
    assert server.ready()
    assert connection.settings_dict["NAME"]
    server.stop()
    assert not server.ready()
    assert server.process.returncode is not None
    assert server.process.returncode != -signal.SIGKILL

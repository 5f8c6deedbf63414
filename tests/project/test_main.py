import os
import subprocess
import sys
from pathlib import Path

import pytest

from project import environment
from tests.live import LiveServer
from tests.servers import free_port, stop, wait_until_ready

ROOT = Path(__file__).parents[2]


@pytest.mark.programs
def test_server_listens_where_the_file_says(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / ".env").write_text(f"DEBUG=1\nPORT={port}\n")
    variables = {"ENV_FILE": str(tmp_path / ".env"), "DJANGO_SETTINGS_MODULE": "project.settings"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "project"],
            stdout=output,
            stderr=output,
            env={"PATH": os.environ["PATH"]} | variables,
        )
    try:
        wait_until_ready(process, LiveServer(process, port, log).ready, log)
    finally:
        stop(process)
    assert f"Serving http://127.0.0.1:{port}/" in log.read_text()


def test_command_ends_with_the_message_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", "check"])
    with pytest.raises(SystemExit) as ended, environment.told_plainly():
        raise environment.InvalidSetting("PORT", "be a number", "abc")
    assert ended.value.code == "PORT must be a number; it is 'abc'."


def test_command_shows_where_it_failed_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", "check", "--traceback"])
    with pytest.raises(environment.InvalidSetting), environment.told_plainly():
        raise environment.InvalidSetting("PORT", "be a number", "abc")


@pytest.mark.programs
@pytest.mark.parametrize("command", [["manage.py", "check"], ["-m", "project"]])
def test_commands_tell_of_wrong_settings_plainly(command: list[str]) -> None:
    finished = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "PORT": "abc"},
        capture_output=True,
        text=True,
    )
    told = "PORT must be a number from 1 to 65535; it is 'abc'.\n"
    assert (finished.returncode, finished.stdout, finished.stderr) == (1, "", told)

import os
import subprocess
import sys
from pathlib import Path

from tests.live import LiveServer
from tests.servers import free_port, stop, wait_until_ready


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
    assert f"127.0.0.1:{port}" in log.read_text()

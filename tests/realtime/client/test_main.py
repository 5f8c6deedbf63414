"""The command that prints frames."""

from __future__ import annotations

import json
import threading

import pytest
from websockets.sync.server import ServerConnection, serve

from realtime.client.__main__ import main
from tests.realtime.client.scripted import welcome


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["--id", "a"], {"id": "a"}),
        (
            ["--where", '{"status": "draft"}', "--limit", "5"],
            {"window": "w1", "where": {"status": "draft"}, "limit": 5},
        ),
        (["--tenant", "acme"], {"window": "w1"}),
    ],
)
def test_command_prints_frames_until_the_server_closes_for_good(
    options: list[str],
    asked: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def handle(connection: ServerConnection) -> None:
        connection.send(json.dumps(welcome()))
        connection.recv()
        connection.close(1000)

    monkeypatch.setenv("TOKEN", "t")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        main([f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws/", *options])
        server.shutdown()
        thread.join()
    told = capsys.readouterr()
    came, went = told.out.splitlines()
    assert (came[:2], json.loads(came[2:])) == ("< ", welcome())
    frame = {"action": "subscribe", "model": "resources.document", "ref": 1}
    assert (went[:2], json.loads(went[2:])) == ("> ", frame | asked)
    assert told.err.splitlines() == ["# connecting", "# open", "# stopped 1000", "# closed"]


@pytest.mark.parametrize("where", ["{status: draft}", "[1]", ""])
def test_filter_that_cannot_be_is_said_in_a_line(
    where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ws://127.0.0.1:1/ws/", "--where", where])
    assert ended.value.code == 2
    [*_, last] = capsys.readouterr().err.splitlines()
    assert "argument --where: " in last

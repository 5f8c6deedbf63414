"""docs/operations.md and the files that it copies: they are run where that is possible."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

import pytest
from django.core.management import get_commands
from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED
from uvicorn.main import main as uvicorn_command
from websockets.sync.client import connect

from tenants.limits import DEFAULTS
from tests.conftest import StartServer
from tests.live import LiveServer
from tests.servers import free_port, stop, wait_until_ready
from tests.world import World

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "docs" / "deploy"
PAGE = (ROOT / "docs" / "operations.md").read_text()
OURS = ("earshot_tenants", "earshot_permissions", "earshot_realtime", "resources", "console")
HOST = "earshot.example.com"


def unit(name: str, key: str) -> list[str]:
    """The values of a key of a systemd unit."""
    text = (DEPLOY / name).read_text()
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def server_options() -> list[str]:
    """What the unit says after the application's name."""
    [line] = unit("earshot.service", "ExecStart")
    words = shlex.split(line)
    return words[words.index("project.asgi:application") + 1 :]


# What the files say


def test_page_names_each_file_and_no_other() -> None:
    assert {path.name for path in DEPLOY.iterdir()} == set(
        re.findall(r"\bdocs/deploy/([\w.-]+)", PAGE)
    )


def check_deploy(environment: Path) -> subprocess.CompletedProcess[str]:
    """`manage check --deploy`, as the page has it, with this file and nothing else."""
    return subprocess.run(
        [str(ROOT / ".venv" / "bin" / "python"), "-W", "error", "manage.py", "check", "--deploy"],
        env={"PATH": os.environ["PATH"], "ENV_FILE": str(environment)}, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.programs
def test_environment_with_a_key_made_as_documented_passes_its_check(tmp_path: Path) -> None:
    [command] = re.findall(r"^(python3 -c '.*secrets.*')$", PAGE, re.MULTILINE)
    made = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    text = (DEPLOY / "environment").read_text()
    file = tmp_path / "environment"
    file.write_text(re.sub(r"(?m)^SECRET_KEY=.*$", f"SECRET_KEY={made.stdout.strip()}", text))
    done = check_deploy(file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


@pytest.mark.programs
def test_example_of_a_key_is_warned_about() -> None:
    done = check_deploy(DEPLOY / "environment")
    assert re.findall(r"\(([a-z]+\.[A-Z]\d+)\)", done.stderr) == ["security.W009"]


def test_unit_agrees_with_the_limits_and_with_nginx() -> None:
    options = dict(zip(server_options()[::2], server_options()[1::2], strict=True))
    uvicorn_command.make_context("uvicorn", ["project.asgi:application", *server_options()])
    assert int(options["--ws-ping-interval"]) == DEFAULTS["ping_seconds"]
    assert int(options["--ws-max-size"]) == DEFAULTS["client_frame_bytes"]
    assert (ROOT / options["--log-config"]).exists()
    nginx = (DEPLOY / "nginx.conf").read_text()
    assert f"server {options['--host']}:{options['--port']};" in nginx
    [seconds] = set(re.findall(r"proxy_read_timeout (\d+)s;", nginx))
    assert int(seconds) > 2 * DEFAULTS["ping_seconds"]
    [stop_seconds] = unit("earshot.service", "TimeoutStopSec")
    assert int(stop_seconds) > 2 * DEFAULTS["drain_seconds"]


def test_commands_of_units_and_of_the_page_exist() -> None:
    lines = [*unit("earshot-prune.service", "ExecStart"), *PAGE.splitlines()]
    named = {found for line in lines for found in re.findall(r"(?:manage\.py|manage) (\w+)", line)}
    named -= {"is", "on"}  # words of sentences about it
    assert named <= get_commands().keys()
    assert {"prune", "clearsessions", "migrate", "check", "create_tenant"} <= named


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user without a password")
def test_manage_hands_words_on_as_they_were_typed(tmp_path: Path) -> None:
    [function] = re.findall(r"^manage\(\) \{.*?\}$", PAGE, re.MULTILINE | re.DOTALL)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf \'%s\\n\' "$ENV_FILE" "$@"\n')
    python.chmod(0o755)
    here = function.replace("/srv/earshot", str(tmp_path)).replace("earshot manage", "root manage")
    typed = ["shell", "-c", "from a import b; b()", "--name", "Acme Ltd"]
    finished = subprocess.run(
        ["bash", "-c", f"{here}\n{shlex.join(['manage', *typed])}"],
        check=True,
        capture_output=True,
        text=True,
    )
    told = ["/etc/earshot/environment", "manage.py", *typed]
    assert finished.stdout.splitlines() == told


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="only systemd itself can verify units"
)
def test_units_are_verified_by_systemd(tmp_path: Path) -> None:
    for file in DEPLOY.glob("earshot*.*"):
        text = file.read_text().replace("/srv/earshot/.venv/bin/python", "/bin/true")
        (tmp_path / file.name).write_text(text.replace("User=earshot", "User=root"))
    for file in tmp_path.iterdir():
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(file)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        about_us = [line for line in done.stderr.splitlines() if "earshot" in line]
        assert about_us == []


# Old and new processes side by side


def operations() -> Iterator[tuple[tuple[str, str], Any]]:
    for key, migration in MigrationLoader(None).disk_migrations.items():
        if key[0] in OURS:
            for operation in migration.operations:
                inner = getattr(operation, "database_operations", [operation])
                yield from ((key, each) for each in inner)


def test_migrations_leave_what_the_release_before_can_write() -> None:
    destructive = (
        migrations.RemoveField, migrations.RenameField, migrations.DeleteModel,
        migrations.RenameModel, migrations.AlterModelTable,
    )  # fmt: skip
    found = [(key, each.describe()) for key, each in operations() if isinstance(each, destructive)]
    for key, each in operations():
        if isinstance(each, migrations.AddField):
            field = each.field
            if not field.null and field.db_default is NOT_PROVIDED and not field.many_to_many:
                found.append((key, each.describe()))
    assert found == []


# nginx


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for the host, which nobody has signed but itself."""
    chain, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    words += ["-keyout", str(key), "-out", str(chain)]
    subprocess.run(words, check=True, capture_output=True)
    return chain, key


@contextmanager
def nginx(
    folder: Path, server: LiveServer, certificate: tuple[Path, Path]
) -> Iterator[tuple[int, int]]:
    """The documented nginx before a server; the ports of plain HTTP and of TLS."""
    plain, secure = free_port(), free_port()
    text = (DEPLOY / "nginx.conf").read_text()
    for old, new in {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
        "127.0.0.1:8000": server.url.removeprefix("http://"),
        "/etc/ssl/earshot/fullchain.pem": str(certificate[0]),
        "/etc/ssl/earshot/privkey.pem": str(certificate[1]),
        "/var/log/nginx/": f"{folder}/",
    }.items():
        assert old in text
        text = text.replace(old, new)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/pid; worker_processes 1; error_log {folder}/start.log;\n"
        f"events {{ worker_connections 64; }}\nhttp {{\n{temporary}{text}\n}}\n"
    )
    folder.chmod(0o755)
    log = folder / "out"
    with log.open("wb") as out:
        process = subprocess.Popen(["nginx", "-c", str(config)], stdout=out, stderr=out)
    try:
        wait_until_ready(process, (folder / "pid").exists, log)
        yield plain, secure
    finally:
        stop(process)


def ask(url: str, context: ssl.SSLContext, **headers: str) -> tuple[int, str, Any]:
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    try:
        with opener.open(Request(url, headers={"Host": HOST} | headers), timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except HTTPError as error:
        return error.code, "", error.headers


@pytest.mark.skipif(
    shutil.which("nginx") is None or shutil.which("openssl") is None,
    reason="nginx comes in no wheel; what the file says is compared above, everywhere",
)
def test_nginx_of_the_document_serves_rest_sockets_and_streams_over_tls(
    start_server: StartServer, world: World, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    server = start_server(
        "uvicorn", ["--log-config", "project/uvicorn.json"],
        ALLOWED_HOSTS=f"{HOST},127.0.0.1", EARSHOT_TLS="1", EARSHOT_PROXIES="1",
    )  # fmt: skip
    context = ssl.create_default_context(cafile=str(certificate[0]))
    context.check_hostname = False  # it is asked by its address
    token = {"Authorization": f"Token {world.token('viewer')}"}
    with nginx(tmp_path, server, certificate) as (plain, secure):
        base = f"https://127.0.0.1:{secure}"
        status, body, headers = ask(f"{base}/api/me/", context, **token)
        assert (status, json.loads(body)["username"]) == (200, "viewer")
        assert headers["Strict-Transport-Security"]
        assert headers["X-Request-ID"]
        assert headers["X-Request-ID"] in server.log
        for hidden in ("/metrics", "/readyz"):
            assert ask(base + hidden, context)[0] == 404
        with pytest.raises(OSError, match=r"not known|resolution|resolve"):
            ask(f"http://127.0.0.1:{plain}/api/me/", context)  # sent on to a host of nobody
        request = Request(f"{base}/api/tickets/", b"{}", {"Host": HOST, **token})
        request.add_header("Content-Type", "application/json")
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
        with opener.open(request, timeout=30) as answer:
            ticket = json.load(answer)["ticket"]
        url = f"wss://{HOST}:{secure}/ws/?ticket={ticket}"
        line = create_connection(("127.0.0.1", secure), timeout=30)
        with connect(url, ssl=context, sock=line, proxy=None) as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "WELCOME"
            socket.send(json.dumps({"model": "resources.document", "id": world.id}))
            assert json.loads(socket.recv(timeout=30))["type"] == "SUBSCRIBED"
            world.write(title="Through nginx")
            assert json.loads(socket.recv(timeout=30))["payload"]["title"] == "Through nginx"
        request = Request(f"{base}/api/stream/?tenant=acme", headers={"Host": HOST, **token})
        with opener.open(request, timeout=30) as stream:  # and not only when it has ended
            assert b'"type":"WELCOME"' in stream.readline()
    written = [path.read_text() for path in tmp_path.glob("*.log")]
    assert ticket not in "".join(written) + server.log
    assert "GET /ws/" in "".join(written)

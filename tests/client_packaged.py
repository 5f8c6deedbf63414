"""The npm package as others use it: installed into an empty project, typed, bundled, in a browser.

`make contracts` installs what it is held against, and runs this.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from knox.models import AuthToken
from knox.settings import CONSTANTS

from bench import lines
from supply import npm
from supply.node import NPM
from tenants.models import Membership
from tests import given
from tests.browser import Browser, browser, needs_browser
from tests.conftest import StartServer
from tests.live import LiveServer
from tests.world import World

ROOT = Path(__file__).parent.parent
TOOLS = ROOT / "supply/node/node_modules"
SOURCES = ROOT / "tests/packaged"
DOCUMENT = (ROOT / "docs/clients.md").read_text()
CANARY = "Canary that was revoked"
COMPILER = {
    "strict": True, "noEmit": True, "target": "es2022", "module": "esnext", "jsx": "react-jsx",
    "moduleResolution": "bundler", "lib": ["es2022", "dom"], "types": [],
}  # fmt: skip


def run(folder: Path, *command: str | Path) -> str:
    """What a command prints, in a project's folder; it must have succeeded."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty project, into which the package is installed; the others are put beside it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "earshot.tgz").write_bytes(npm.packed(npm.files()))
    (folder / "package.json").write_text('{"name": "empty", "private": true}')
    run(folder, "node", NPM, "install", "--offline", "--silent", "./earshot.tgz")
    modules = folder / "node_modules"
    assert {path.name for path in modules.iterdir()} == {"earshot", ".package-lock.json"}
    for path in TOOLS.iterdir():
        if not path.name.startswith("."):
            (modules / path.name).symlink_to(path)
    return folder


def bundle(project: Path, source: str, name: str = "page.jsx") -> str:
    """The script of a page, with all that it imports."""
    (project / name).write_text(source)
    return run(
        project, TOOLS / ".bin/esbuild", name, "--bundle", "--format=iife", "--jsx=automatic",
        '--define:process.env.NODE_ENV="production"', "--log-level=error", "--minify",
    )  # fmt: skip


def test_types_allow_what_is_right_and_nothing_else(project: Path) -> None:
    (project / "types.tsx").write_text((SOURCES / "types.tsx").read_text())
    about = {"compilerOptions": COMPILER, "files": ["types.tsx"]}
    (project / "tsconfig.json").write_text(json.dumps(about))
    run(project, TOOLS / ".bin/tsc", "--project", ".")


def test_same_page_by_other_clients_is_right_and_formatted_alike(project: Path) -> None:
    """So that counting their lines is fair."""
    folder = project / "beside"
    shutil.copytree(lines.FOLDER, folder)
    about = {"compilerOptions": COMPILER | {"skipLibCheck": True}, "include": ["*"]}
    (folder / "tsconfig.json").write_text(json.dumps(about))
    run(folder, TOOLS / ".bin/tsc", "--project", ".")
    run(folder, TOOLS / ".bin/prettier", "--print-width", "120", "--check", "*.ts", "*.tsx")


FOLLOW = "store.dispatch(follow('resources.document', DRAFTS)); void collection.preload()"
BEGIN = """
new Promise((done, failed) => {
  window.onerror = (message) => failed(message);
  document.body.replaceChildren(document.createElement("main"));
  Object.assign(localStorage, STORED);
  const script = document.createElement("script");
  script.textContent = SOURCE;
  document.body.append(script);
  done();
})
"""


NOTE_FAILURES = """window.failures = 0; const fetched = fetch;
fetch = (...asked) => fetched(...asked).catch((error) => { failures += 1; throw error; }); 0"""
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestIdleCallback(done)))"
"""What React has begun is over: effects come after what they follow was drawn."""


@pytest.fixture
def page() -> Iterator[Browser]:
    with browser() as page:
        page.call("Page.setBypassCSP", enabled=True)
        page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        yield page


def begin(page: Browser, server: LiveServer, source: str, **stored: str) -> None:
    """Run a page of the server's own origin; `stored` is in its local storage."""
    page.open(f"{server.url}/healthz")
    page.run(BEGIN.replace("STORED", json.dumps(stored)).replace("SOURCE", json.dumps(source)))


@needs_browser
@pytest.mark.parametrize("options", [[], ["--ws", "none"]], ids=["socket", "stream"])
def test_hooks_and_stores_share_one_subscription_and_forget(
    start_server: StartServer, world: World, project: Path, page: Browser, options: list[str]
) -> None:
    """React under StrictMode, Redux and TanStack DB at once, also where no socket opens."""
    other = world.create(title="Seen in the list only")
    world.grant("editor", "editor", other)
    server = start_server("uvicorn", options, EARSHOT_TAIL_SECONDS="0.2")
    source = bundle(project, (SOURCES / "page.jsx").read_text())
    begin(page, server, source, token=world.token("editor"), id=world.id)
    all_show = partial(show_all, page)
    page.run(FOLLOW)
    page.wait("document.querySelector('#one').textContent === 'live Plan'")
    all_show("Plan", "Seen in the list only")
    assert page.run("drawn.suspended") > 0
    asked = page.run("frames.filter(([action]) => action === 'subscribe').map(([, id]) => id)")
    assert sorted(asked) == sorted(["window", world.id])

    write_by_the_collection(page, world)
    all_show("Seen in the list only", "Written by the collection")
    world.write(title=CANARY)
    all_show(CANARY, "Seen in the list only")
    page.wait(f"document.querySelector('#one').textContent === 'live {CANARY}'")
    assert CANARY in page.memory()
    world.revoke("editor")
    all_show("Seen in the list only")
    page.wait("document.querySelector('#one').textContent === 'gone '")
    page.wait(f"actions.some(([type, id]) => type === 'DELETE_DOCUMENT' && id === '{world.id}')")
    held = page.memory()
    assert CANARY not in held
    assert "Seen in the list only" in held

    page.run("choose(null)")
    page.wait("document.querySelector('#one').textContent === 'pending '")
    page.run("store.dispatch(unfollow('resources.document', DRAFTS))")
    assert page.run("store.getState().live.lists") == {}
    AuthToken.objects.filter(user=world.user("editor")).delete()
    page.wait("earshot.status.state === 'stopped' && listed().length === 0")
    page.wait("titles().length === 0 && followed().length === 0")
    assert page.run("document.querySelector('#waiting')") is None
    assert "Seen in the list only" not in page.memory()
    assert page.complaints == []


def show_all(page: Browser, *titles: str) -> None:
    """The hooks, the collection and the store each show these."""
    for shown in ("listed()", "titles()", "followed()"):
        page.wait(f"JSON.stringify({shown}) === JSON.stringify({json.dumps(titles)})")


@needs_browser
@pytest.mark.parametrize("ending", ["revoked while it is cut off", "out of the tenant"])
def test_hooks_and_stores_forget_also_what_went_otherwise(
    start_server: StartServer, world: World, project: Path, page: Browser, ending: str
) -> None:
    """By `not_found` to a new subscribe, and by 4403."""
    server = start_server("uvicorn", EARSHOT_TAIL_SECONDS="0.2")
    source = bundle(project, (SOURCES / "page.jsx").read_text())
    begin(page, server, source, token=world.token("editor"), id=world.id)
    page.run(FOLLOW)
    world.write(title=CANARY)
    show_all(page, CANARY)
    page.wait(f"document.querySelector('#one').textContent === 'live {CANARY}'")
    assert CANARY in page.memory()
    if ending == "out of the tenant":
        Membership.objects.filter(user=world.user("editor")).update(is_active=False)
        page.wait("earshot.status.code === 4403")
    else:
        server.stop()
        world.revoke("editor")
        server = start_server("uvicorn", PORT=str(server.port))
        page.wait("document.querySelector('#one').textContent === 'refused '")
    show_all(page)
    page.run(DRAWN)
    assert CANARY not in page.memory()


def write_by_the_collection(page: Browser, world: World) -> None:
    """Shown at once, taken back if it is refused."""
    update = (
        f"collection.update('{world.id}', (row) => {{ row.title = '%s'; }}).isPersisted.promise"
    )
    refused = page.run(f"{update % ''}.then(() => 0, ({{ status }}) => [status, titles()])")
    assert refused == [400, ["Plan", "Seen in the list only"]]
    page.run(f"{update % 'Written by the collection'}.then(() => null)")
    world.document.refresh_from_db()
    assert world.document.title == "Written by the collection"


def count(source: str) -> int:
    """Of code; at most 120 characters count as one."""
    assert max(map(len, source.splitlines())) <= 120
    return len([line for line in source.splitlines() if line.strip()])


@needs_browser
def test_documented_page_survives_restart_sleep_offline_revocation_and_expiry(
    start_server: StartServer, world: World, project: Path, page: Browser
) -> None:
    """At most 15 lines, beside the package."""
    [source] = re.findall(r"^```jsx\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert count(source) <= 15
    settings = {"EARSHOT_TAIL_SECONDS": "0.2", "EARSHOT_PING_SECONDS": "2"}
    server = start_server("uvicorn", **settings)
    token = world.token("editor")
    ending = f"Date.now = () => {expiry(token) - 1100};"  # by the page's clock, after a second
    begin(page, server, ending + bundle(project, source), token=token)
    shows(page, "Plan")
    page.wait(f"localStorage.token !== {json.dumps(token)}")  # renewed before it ended
    given.note(page.run("localStorage.token"))

    page.run(
        "{ const field = document.querySelector('input'); field.focus();"
        "field.value = 'Written in the page'; field.blur() }"
    )
    shows(page, "Written in the page")

    server.stop()
    world.write(title="Written while it was down")
    server = start_server("uvicorn", PORT=str(server.port), **settings)
    shows(page, "Written while it was down")

    # A page that is thought to be looked at does not sleep.
    page.run("window.slept = 0; document.addEventListener('freeze', () => { slept += 1; }); 0")
    page.call("Emulation.setFocusEmulationEnabled", enabled=False)
    page.call("Page.setWebLifecycleState", state="frozen")
    server.stop()  # what it slept through no line has kept
    world.write(title="Written in its sleep")
    server = start_server("uvicorn", PORT=str(server.port), **settings)
    page.call("Page.setWebLifecycleState", state="active")
    page.call("Emulation.setFocusEmulationEnabled", enabled=True)
    assert page.run("slept") == 1
    shows(page, "Written in its sleep")

    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.call("Network.enable")
    page.run(NOTE_FAILURES)
    page.call("Network.emulateNetworkConditions", offline=True, **conditions)
    page.wait("!navigator.onLine")
    server.stop()  # a browser that is told to be offline leaves its sockets open
    world.write(title="Written without a network")
    server = start_server("uvicorn", PORT=str(server.port), **settings)
    page.wait("failures > 1")
    page.call("Network.emulateNetworkConditions", offline=False, **conditions)
    shows(page, "Written without a network")

    world.write(title=CANARY)
    shows(page, CANARY)
    world.revoke("editor")
    page.wait("!document.querySelector('input')")
    page.run(DRAWN)
    assert CANARY not in page.memory()

    world.grant("editor", "editor")
    shows(page, CANARY)
    page.run(
        "window.asked = []; window.known = { Username: 'editor', Password: 'secret' };"
        "prompt = (what) => { asked.push(what); return known[what]; }; 0"
    )
    AuthToken.objects.filter(user=world.user("editor")).delete()
    page.wait("asked.length === 2")
    shows(page, CANARY)
    given.note(page.run("localStorage.token"))
    assert page.complaints == []


def expiry(token: str) -> int:
    """When a token ends, in milliseconds."""
    [row] = AuthToken.objects.filter(token_key=token[: CONSTANTS.TOKEN_KEY_LENGTH])
    return int(row.expiry.timestamp() * 1000)


def shows(page: Browser, title: str) -> None:
    page.wait(f"document.querySelector('input')?.defaultValue === {json.dumps(title)}")

"""A real Chromium, steered by its debugging protocol; it notes what its console complains of."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.request import ProxyHandler, build_opener

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.servers import stop, wait_until_ready

PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS: Final = 30
HOST: Final = "earshot.example"
"""A name by which a browser finds this machine: some scripts behave otherwise on the loopback."""
NAMES: Final = f"MAP {HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

# No wheel holds one, and `make test` installs nothing else; test_security_headers.py needs none.
needs_browser = pytest.mark.skipif(PROGRAM is None, reason="A browser comes in no wheel.")

TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (e) => console.error(
    `${location.pathname} ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
"""


class Browser:
    """One page; `complaints` is what it was refused by a policy, and what its scripts threw."""

    def __init__(self, line: ClientConnection) -> None:
        self.complaints: list[str] = []
        self._line = line
        self._number = 0
        self._loaded = ""
        self._chunks: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)
        self.call("Page.addScriptToEvaluateOnNewDocument", source=TELL_VIOLATIONS)

    def call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        self._line.send(json.dumps(command))
        while (message := self._next()).get("id") != command["id"]:
            pass
        assert "error" not in message, message
        return message["result"]

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._line.recv(timeout=SECONDS))
        parameters = message.get("params", {})
        match message.get("method"):
            case "Page.lifecycleEvent" if parameters["name"] == "load":
                self._loaded = parameters["loaderId"]
            case "HeapProfiler.addHeapSnapshotChunk":
                self._chunks.append(parameters["chunk"])
            case "Page.javascriptDialogOpening":
                self.complaints.append(f"dialog {parameters['message']}")
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if parameters["type"] == "error":
                self.complaints.append(str(parameters["args"][0].get("value")))
            case "Log.entryAdded" if parameters["entry"]["source"] == "security":
                self.complaints.append(parameters["entry"]["text"])
        return message

    def open(self, url: str) -> None:
        """Go there, and wait until it has loaded."""
        loader = self.call("Page.navigate", url=url)["loaderId"]
        while self._loaded != loader:
            self._next()

    def submit(self, selector: str) -> None:
        """Click what leads to another page, and wait until that has loaded."""
        before = self._loaded
        self.click(selector)
        while self._loaded == before:
            self._next()

    def run(self, script: str) -> Any:
        """The value of an expression, or of what it promises."""
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, (script, result)
        return result["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until it is true in the page."""
        self.run(
            "new Promise((done) => { const look = () =>"
            f" ({expression}) ? done() : setTimeout(look, 10); look(); }})"
        )

    def memory(self) -> str:
        """All that the page's scripts hold, and its document, after what nobody holds was freed."""
        self._chunks.clear()
        self.call("HeapProfiler.collectGarbage")
        self.call("HeapProfiler.takeHeapSnapshot", reportProgress=False)
        return "".join(self._chunks) + str(self.run("document.documentElement.outerHTML"))

    def click(self, selector: str) -> None:
        self.wait(f"document.querySelector({selector!r})")
        self.run(f"document.querySelector({selector!r}).click()")

    def choose(self, selector: str, value: str) -> None:
        """Choose a value of a select field, as by hand."""
        field = f"document.querySelector({selector!r})"
        self.run(f"{field}.value = {value!r}; void {field}.dispatchEvent(new Event('change'))")

    def fill(self, **values: str) -> None:
        """Write into the form's fields of these names."""
        for name, value in values.items():
            field = f"document.querySelector('[name={name}]')"
            self.wait(field)
            self.run(f"void ({field}.value = {value!r})")


@contextmanager
def browser() -> Iterator[Browser]:
    """A started browser, which finds nothing but this machine."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command = [
            str(PROGRAM), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--no-proxy-server", "--remote-debugging-port=0",
            f"--user-data-dir={folder}", f"--host-resolver-rules={NAMES}", "about:blank",
        ]  # fmt: skip
        port, log = folder / "DevToolsActivePort", folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            wait_until_ready(process, lambda: port.exists() and "\n" in port.read_text(), log)
            with connect(page_of(port), proxy=None, max_size=None) as line:
                yield Browser(line)
        finally:
            stop(process)


def page_of(port: Path) -> str:
    """The address of the first page's debugging socket."""
    base = f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
    with build_opener(ProxyHandler({})).open(f"{base}/json/list", timeout=SECONDS) as answer:
        pages = json.load(answer)
    return str(next(each["webSocketDebuggerUrl"] for each in pages if each["type"] == "page"))

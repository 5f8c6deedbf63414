"""Every page that people see passes axe, in both colour schemes and at two widths.

`make contracts` installs axe and runs this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from tests.browser import HOST, Browser, browser, needs_browser
from tests.conftest import StartServer

AXE = Path(__file__).parent.parent / "supply/node/node_modules/axe-core/axe.min.js"
PAGES = {
    "/": "document.querySelector('[data-try=budget]:not([disabled])')",
    "/password/#somebody/token": "document.querySelector('button[type=submit]')",
    "/api/docs/": "document.querySelector('#operations-me-me_retrieve')",
    "/api/docs/socket/": "document.querySelector('main')",
}
FAULTS = """axe.run().then(
  found => found.violations.map(
    rule => `${rule.id}: ${rule.nodes.map(node => node.html.slice(0, 200)).join(" ")}`))"""


def faults(page: Browser) -> Any:
    """What breaks a rule, and which."""
    page.run(AXE.read_text() + "; null")
    return page.run(FAULTS)


@needs_browser
@pytest.mark.django_db(transaction=True)
def test_every_page_passes_axe(start_server: StartServer, settings: Settings) -> None:
    settings.DEMO = True
    call_command("demo", verbosity=0)
    server = start_server("uvicorn", EARSHOT_DEMO="1", ALLOWED_HOSTS=f"{HOST},127.0.0.1")
    found = {}
    with browser() as page:
        for scheme in ("light", "dark"):
            for width in (390, 1280):
                colours = [{"name": "prefers-color-scheme", "value": scheme}]
                page.call("Emulation.setEmulatedMedia", features=colours)
                page.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                          deviceScaleFactor=1, mobile=False)  # fmt: skip
                for path, ready in PAGES.items():
                    page.open(f"http://{HOST}:{server.port}{path}")
                    page.wait(ready)
                    found[path, scheme, width] = faults(page)
        page.open(f"http://{HOST}:{server.port}/api/docs/")
        page.click("#operations-me-me_retrieve .opblock-summary-control")
        page.wait("document.querySelector('.try-out__btn')")
        found["a call", scheme, width] = faults(page)
        assert page.run("location.hash") == "#/me/me_retrieve"
        page.open(f"http://{HOST}:{server.port}/")
        page.wait(PAGES["/"])
        page.run("document.body.append(document.createElement('img'))")
        assert any("image-alt" in fault for fault in faults(page))
    assert {where: wrong for where, wrong in found.items() if wrong} == {}

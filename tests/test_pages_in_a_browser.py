"""Every page works in a real browser, and breaks no rule of its policy."""

from __future__ import annotations

from django.core.management import call_command
from pytest_django import Settings

from project.console.management.commands.demo import PASSWORD
from resources.models import Document
from tenants.models import Tenant, User
from tests.browser import HOST, Browser, browser, needs_browser
from tests.conftest import StartServer
from tests.live import LiveServer


def follow_a_change_and_ask_for_a_password(page: Browser, server: LiveServer) -> None:
    page.open(server.url)
    page.wait("document.querySelector('[data-try=budget]:not([disabled])')")
    page.click("[data-try=budget]")
    page.wait("document.body.innerText.includes('UPDATE_DOCUMENT')")
    see_rows_come_and_go(page)
    page.open(f"{server.url}/password/#somebody/token")
    page.fill(new="a Password of 17")
    page.click("button[type=submit]")
    page.wait("!document.getElementById('password-error').hidden")


def see_rows_come_and_go(page: Browser) -> None:
    """By creating, sharing, publishing, revoking and deleting; what went is nowhere on the page."""
    rows = "document.querySelectorAll('{} .listed').length === {}"
    page.wait(rows.format("#people", 4))  # of all but the member
    page.click("#create")
    page.wait(rows.format("#people", 6))  # the owner and the admin
    page.click("[data-grant=viewer][data-user=member]:not([disabled])")
    page.wait(rows.format("#pane-member", 1))
    title = page.run("document.querySelector('#pane-member .listed b').textContent")
    page.choose("#filter", "published")
    page.wait(rows.format("#people", 0))
    page.click("[data-try=status]")
    page.wait(rows.format("#people", 3))
    page.choose("#filter", "")
    page.wait(rows.format("#people", 7))
    page.click("[data-grant=''][data-user=member]")
    page.wait(rows.format("#pane-member", 0))
    assert title not in page.run("document.querySelector('#pane-member').outerHTML")
    assert title in page.memory()
    page.click("#delete")
    page.wait(rows.format("#people", 4))
    assert title not in page.memory()


def try_an_operation_of_the_documentation(page: Browser, server: LiveServer) -> None:
    page.open(f"http://{HOST}:{server.port}/api/docs/")
    page.click("#operations-me-me_retrieve .opblock-summary-control")
    page.click("#operations-me-me_retrieve .try-out__btn")
    page.click("#operations-me-me_retrieve .execute")
    page.wait("document.querySelector('.live-responses-table .response-col_status')")
    page.click(".authorize")
    page.wait("document.querySelector('.modal-ux')")


def work_as_the_operator(page: Browser, server: LiveServer) -> None:
    page.open(f"{server.url}/admin/")
    page.fill(username="root", password=PASSWORD)
    page.submit("[type=submit]")
    page.open(f"{server.url}/admin/earshot_tenants/tenant/add/")
    page.fill(slug="initech", name="Initech")
    page.click(".add-row a")
    page.wait("document.querySelector('#id_memberships-0-user')")
    page.click("#memberships-0 .inline-deletelink")
    page.submit("[name=_save]")
    assert Tenant.objects.filter(slug="initech").exists()
    document = Document.unscoped.order_by("pk")[0]
    base = f"{server.url}/admin/resources/document/"
    page.open(base)
    page.click("#action-toggle")
    page.open(f"{base}{document.pk}/change/")
    page.fill(title="By the operator")
    page.click(".datetimeshortcuts a")
    page.submit("[name=_save]")
    document.refresh_from_db()
    assert document.title == "By the operator"
    for beside in ("permissions/", "history/"):
        page.open(f"{base}{document.pk}/{beside}")
    page.open(f"{base}{document.pk}/permissions/user-manage/{document.owner_id}/")
    page.open(f"{base}{document.pk}/delete/")
    page.submit("#content [type=submit]")
    assert not Document.unscoped.filter(pk=document.pk).exists()
    for path in ("tenants/user/add/", "tenants/membership/add/", "realtime/access/", "nowhere/"):
        page.open(f"{server.url}/admin/{path}")
    page.open(f"{server.url}/admin/password_change/")
    page.submit("#logout-form button")


@needs_browser
def test_every_page_works_in_a_browser_and_breaks_no_rule_of_its_policy(
    start_server: StartServer, settings: Settings
) -> None:
    settings.DEMO = True
    call_command("demo", verbosity=0)
    User.objects.create_superuser("root", "root@example.com", PASSWORD)
    server = start_server("uvicorn", EARSHOT_DEMO="1", ALLOWED_HOSTS=f"{HOST},127.0.0.1")
    with browser() as page:
        follow_a_change_and_ask_for_a_password(page, server)
        try_an_operation_of_the_documentation(page, server)
        work_as_the_operator(page, server)
        assert page.complaints == []

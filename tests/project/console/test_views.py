"""The page at `/`: it loads what this project serves, and nothing else."""

import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.usefixtures("demo_allowed")

PAGES = pytest.mark.parametrize("path", ["/", "/password/"])


@pytest.fixture
def demo_allowed(settings: Settings) -> None:
    settings.DEMO = True


def test_demos_page_is_not_there_without_the_demo(settings: Settings) -> None:
    settings.DEMO = False
    client = Client()
    answers = [client.get(path, headers={"host": "localhost"}) for path in ("/", "/password/")]
    assert [answer.status_code for answer in answers] == [404, 200]


@PAGES
def test_page_allows_only_what_the_project_serves(path: str) -> None:
    answer = Client().get(path, headers={"host": "localhost"})
    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    sockets = " ws://localhost wss://localhost" if path == "/" else ""
    assert policy.endswith(f"; connect-src 'self'{sockets}")


@PAGES
def test_everything_that_the_page_loads_is_there_and_nothing_is_inline(path: str) -> None:
    page = Client().get(path, headers={"host": "localhost"}).content.decode()
    loaded = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    script = "earshot/console.js" if path == "/" else "earshot/password.js"
    assert {script, "earshot/console.css"} <= set(loaded)
    assert all(finders.find(path) for path in loaded)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=", page)


@PAGES
def test_page_cannot_be_written_to(path: str) -> None:
    assert Client().post(path).status_code == 405

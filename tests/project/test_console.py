"""The page at `/`: it loads what this project serves, and nothing else."""

import re

from django.contrib.staticfiles import finders
from django.test import Client


def test_page_allows_only_what_the_project_serves() -> None:
    answer = Client().get("/", headers={"host": "localhost"})
    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "connect-src 'self' ws://localhost wss://localhost" in policy


def test_everything_that_the_page_loads_is_there_and_nothing_is_inline() -> None:
    page = Client().get("/", headers={"host": "localhost"}).content.decode()
    loaded = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert {"earshot/console.js", "earshot/console.css"} <= set(loaded)
    assert all(finders.find(path) for path in loaded)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=", page)


def test_page_cannot_be_written_to() -> None:
    assert Client().post("/").status_code == 405

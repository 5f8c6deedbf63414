"""`manage.py review --probe`."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from permissions.review.findings import Findings, as_json
from permissions.review.scene import Scene
from permissions.snapshot import rehearsal
from resources.models import Document

# The command
from tests.permissions.review.probed import (
    OWN,
    TEXT,
    Declare,
    documents,
    viewer,
)

pytestmark = pytest.mark.django_db


def test_command_prints_and_fails(declare: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    call_command("review", "--probe", stdout=out)
    assert out.getvalue().endswith(
        "Each shows what is declared, over REST, to the socket and in live lists.\n"
    )
    monkeypatch.setattr(Document, "teaser", property(lambda self: str(self.budget)), raising=False)
    declare(documents(viewer(teaser=TEXT), shows=(OWN,)))
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("review", "--probe", stdout=out)
    assert ended.value.code == 1
    assert out.getvalue().startswith("FAULT      resources.document: viewer: teaser: ")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("review", "--probe", "--format", "json", stdout=out)
    log = StringIO()
    with pytest.raises(SystemExit):
        call_command("review", "--probe", "--format", "sarif", stdout=log)
    results = json.loads(log.getvalue())["runs"][0]["results"]
    assert {(each["ruleId"], each["level"]) for each in results} == {("probe", "error")}
    said = [each["message"]["text"] for each in results]
    assert any("teaser: shows resources.document.budget" in text for text in said)
    told = json.loads(out.getvalue())
    assert told["faults"][0]["field"] == "teaser"
    assert {
        "model": "resources.document",
        "audience": "viewer",
        "field": "title",
        "tried": True,
    } in (told["fields"])


def test_program_is_told_what_could_not_be_filled() -> None:
    found = Findings(unfilled={("a.b", "c"): "DataError"})
    assert as_json(found)["unfilled"] == {"a.b.c": "DataError"}


def test_column_that_refuses_is_noted_and_none_of_a_kind_without_canary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with rehearsal():
        found = Findings()
        scene = Scene(found)
        assert not scene.set(scene.tenant, "slug", None)
        label = scene.tenant._meta.label_lower
        assert found.unfilled == {(label, "slug"): "IntegrityError"}
        monkeypatch.setattr("permissions.review.filling.KINDS", ())
        scene.fill(scene.tenant)
        assert found.unfilled[label, "name"] == "no canary is known for CharField"

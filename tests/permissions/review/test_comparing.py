"""Each way to show more than before is one line that fails, whoever forgot about it; showing less
is a notice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rest_framework import serializers

from permissions.audiences import Resource, as_is
from permissions.review.catalogue import entry
from permissions.review.comparing import RULES, Difference, compare
from permissions.review.verdict import lines
from permissions.sources import AsGuardian, Generic
from resources.models import Document
from tests.permissions.review.declared import (
    BASE,
    EDITOR,
    NAME,
    VIEWER,
    Shout,
    ViewerSerializer,
    serializer,
    viewer,
)

LABEL = "resources.document"


def audiences(*new: Any, **more: Any) -> Resource:
    return replace(BASE, audiences=new, **more)


def found(new: Resource, old: Resource = BASE) -> list[Difference]:
    return compare({LABEL: entry(old)}, {LABEL: entry(new)})


def labelled(**labels: str) -> Any:
    meta = type("Meta", (ViewerSerializer.Meta,), {"sensitivity": labels})
    return replace(VIEWER, serializer=type("Labelled", (ViewerSerializer,), {"Meta": meta}))


def edited(documents: Any) -> Any:
    return documents.order_by("pk")


def other_find(rows: list[Any]) -> Any:
    return Document.objects.none().order_by("pk")


OPEN_TITLE = serializers.CharField(read_only=True, source="body")
WIDER_STATUS = serializers.ChoiceField(["draft", "published", "archived", "lost"], read_only=True)
LABELS = dict(ViewerSerializer.Meta.sensitivity)
SEEN = ("id", "title", "status")

WIDENINGS: dict[str, tuple[Resource, str, str, str]] = {
    "a field": (audiences(EDITOR, viewer("budget")), "field", "viewer", "budget"),
    "a type without a bound": (
        audiences(EDITOR, viewer(title=serializers.CharField(max_length=500, read_only=True))),
        "type", "viewer", "title",
    ),
    "a choice more": (
        audiences(EDITOR, viewer(status=WIDER_STATUS)), "type", "viewer", "status",
    ),
    "another source": (audiences(EDITOR, viewer(title=OPEN_TITLE)), "source", "viewer", "title"),
    "a field that may be empty": (
        audiences(EDITOR, viewer(title=serializers.DateField(source="due_on", read_only=True))),
        "empty", "viewer", "title",
    ),
    "code in the place of a column": (
        audiences(EDITOR, viewer(title=Shout(read_only=True))), "source", "viewer", "title",
    ),
    "an audience": (
        audiences(EDITOR, VIEWER, replace(VIEWER, name="guest", permission="audit_document")),
        "audience", "guest", "",
    ),
    "another permission": (
        audiences(EDITOR, replace(VIEWER, permission="audit_document")),
        "permission", "viewer", "",
    ),
    "a right to write": (
        audiences(EDITOR, replace(VIEWER, writes=("status",))), "writer", "viewer", "status",
    ),
    "a right to delete": (audiences(EDITOR, replace(VIEWER, deletes=True)), "right", "viewer", ""),
    "a right to grant": (audiences(EDITOR, replace(VIEWER, grants=True)), "right", "viewer", ""),
    "a lower label": (
        audiences(EDITOR, labelled(**LABELS | {"title": "public"})),
        "sensitivity", "viewer", "title",
    ),
    "no label any more": (
        audiences(EDITOR, labelled(id="public", status="internal")),
        "sensitivity", "viewer", "title",
    ),
    "a holder": (
        replace(BASE, holders={"owner": "editor", "created_by": "viewer"}), "holder", "viewer", "",
    ),
    "a role": (replace(BASE, roles={"admin": "viewer", "member": "viewer"}), "role", "viewer", ""),
    "a role of more": (replace(BASE, roles={"admin": "editor"}), "role", "editor", ""),
    "a table of grants": (
        replace(BASE, sources=(AsGuardian(), Generic())), "found", "", "grants",
    ),
    "what anybody sees": (replace(BASE, visible_by={}), "visible", "", "status"),
    "what other objects": (
        replace(BASE, visible_by={"status": "draft"}), "visible", "", "status",
    ),
    "prepare": (replace(BASE, prepare=edited), "code", "", "prepare"),
    "no prepare": (replace(BASE, prepare=as_is), "code", "", "prepare"),
    "find": (
        replace(BASE, shows=(replace(NAME, find=other_find),)), "code", "", "find of owner_name",
    ),
    "a column more of another row": (
        replace(BASE, shows=(replace(NAME, fields=("display_name", "email")),)),
        "source", "editor", "owner_name",
    ),
    "who chooses the other row": (
        replace(BASE, shows=(replace(NAME, by=("owner", "title")),)),
        "source", "editor", "owner_name",
    ),
    "no never": (replace(BASE, never={}), "never", "viewer", "budget"),
    "no never of a label": (replace(BASE, never_label={}), "never", "viewer", "secret"),
}  # fmt: skip


@pytest.mark.parametrize("what", WIDENINGS)
def test_widening_is_one_line_that_names_model_audience_field_and_what_accepts_it(
    what: str,
) -> None:
    new, rule, audience, field = WIDENINGS[what]
    wider = [each for each in found(new) if each.widens]
    mine = [each for each in wider if each.rule == rule]
    assert [(each.model, each.audience, each.field) for each in mine] == [(LABEL, audience, field)]
    [line] = lines(mine)
    assert line.startswith("WIDER     resources.document: ")
    assert line.endswith("If it is meant: manage.py review --accept")
    assert all(part in line for part in (audience, field))


ONE_LINE = {
    "a field", "a type without a bound", "a choice more", "an audience", "another permission",
    "a right to write", "a right to delete", "a right to grant", "a lower label",
    "no label any more", "a holder", "a role", "a role of more", "a table of grants",
    "what anybody sees", "prepare", "no prepare", "find",
    "a column more of another row", "no never",
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(ONE_LINE))
def test_widening_is_told_once(what: str) -> None:
    assert len(list(lines(found(WIDENINGS[what][0])))) == 1


def test_nothing_is_wider_than_itself() -> None:
    assert found(BASE) == []


@pytest.mark.parametrize("what", ["a field", "a lower label", "a right to delete", "a role"])
def test_the_other_way_it_is_a_notice(what: str) -> None:
    back = found(BASE, old=WIDENINGS[what][0])
    assert [each.widens for each in back] == [False] * len(back) != []
    assert all(line.startswith("narrower  ") and "accept" not in line for line in lines(back))


NARROWINGS: dict[str, tuple[Resource, Resource, str]] = {
    "a field less": (audiences(EDITOR, viewer("budget")), BASE, "field"),
    "a lower bound": (
        BASE,
        audiences(EDITOR, viewer(title=serializers.CharField(max_length=5, read_only=True))),
        "type",
    ),
    "a choice less": (audiences(EDITOR, viewer(status=WIDER_STATUS)), BASE, "type"),
    "never empty": (
        audiences(EDITOR, viewer(title=serializers.CharField(read_only=True, allow_null=True,
                                                             source="owner.username"))),
        audiences(EDITOR, viewer(title=serializers.CharField(read_only=True,
                                                             source="owner.username"))),
        "empty",
    ),
    "a column less of another row": (
        replace(BASE, shows=(replace(NAME, fields=("display_name", "email")),)), BASE, "source",
    ),
    "a holder less": (BASE, replace(BASE, holders={}), "holder"),
    "an audience less": (BASE, audiences(EDITOR, roles={}), "audience"),
    "a condition more": (
        BASE, replace(BASE, visible_by={"status": "published", "due_on": None}), "visible",
    ),
    "a never more": (BASE, replace(BASE, never={"budget": ("viewer",), "body": ("viewer",)}),
                     "never"),
    "another order of fields": (
        BASE,
        audiences(EDITOR, replace(VIEWER, serializer=serializer(ViewerSerializer, SEEN[::-1]))),
        "fields",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(set(NARROWINGS) - {"a holder less"}))
def test_narrowing_is_a_notice(what: str) -> None:
    old, new, rule = NARROWINGS[what]
    seen = found(new, old)
    assert {each.rule for each in seen} >= {rule}
    assert [each for each in seen if each.widens] == []


def test_model_is_new_or_gone() -> None:
    entries = {LABEL: entry(BASE)}
    new = compare({}, entries)
    assert [(each.rule, each.widens, each.audience) for each in new] == [
        ("model", True, "editor"),
        ("model", True, "viewer"),
    ]
    assert new[1].text == "is new, and sees id, title, status"
    [gone] = compare(entries, {})
    assert (gone.rule, gone.widens) == ("model", False)
    assert list(lines([gone])) == ["narrower  resources.document: is not declared any more."]


# Who holds two audiences sees the first: what moves them to the other one may show more.


def test_order_that_moves_somebody_up_is_wider() -> None:
    narrow_first = audiences(VIEWER, EDITOR)
    [up] = [each for each in found(BASE, narrow_first) if each.rule == "order"]
    assert (up.widens, up.audience) == (True, "editor")
    assert "who holds both gains budget, due_on, owner_name, writing title, deleting, " in up.text
    [down] = [each for each in found(narrow_first) if each.rule == "order"]
    assert (down.widens, down.text.endswith("gains nothing")) == (False, True)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (audiences(VIEWER, EDITOR, roles={}), audiences(EDITOR, roles={}), "audience"),
        (audiences(VIEWER, EDITOR), audiences(VIEWER, EDITOR, roles={}), "role"),
        (
            audiences(VIEWER, EDITOR, holders={"owner": "viewer"}),
            audiences(VIEWER, EDITOR, holders={}),
            "holder",
        ),
    ],
)
def test_loss_of_an_audience_that_stood_before_a_wider_one_is_wider(
    old: Resource, new: Resource, rule: str
) -> None:
    """Who holds the narrow one, which came first, and the wide one by a grant, is in that now."""
    wider = [each for each in found(new, old) if each.widens]
    assert [(each.rule, each.audience) for each in wider] == [(rule, "editor")]
    assert "gains budget" in wider[0].text


def test_holder_who_moves_to_less_is_a_notice() -> None:
    moved = found(replace(BASE, holders={"owner": "viewer"}))
    assert [(each.rule, each.widens, each.audience) for each in moved] == [
        ("holder", False, "viewer")
    ]
    # But not if a wider audience stands between, to whoever holds that by a grant.
    three = audiences(VIEWER, EDITOR, replace(VIEWER, name="guest", permission="audit_document"),
                      holders={"owner": "viewer"})  # fmt: skip
    [up] = found(replace(three, holders={"owner": "guest"}), three)
    assert (up.rule, up.widens) == ("holder", True)


def test_every_rule_is_described_and_met() -> None:
    met = {rule for _, rule, _, _ in WIDENINGS.values()} | {"model", "order", "fields"}
    assert met == set(RULES)

"""Widenings by what code reaches without naming it, and by parts of a declaration that are no
field: the lock tells of each, in a line that names it."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.db import models
from pytest_django import Settings

from permissions.audiences import Audience, Resource
from permissions.review.catalogue import entry
from permissions.review.comparing import compare
from permissions.review.showing import text
from permissions.sources import AsGuardian, Direct, Generic
from resources.models import Document, Profile
from tests.permissions.review.widened import told

SHOWN = """
import operator
from rest_framework import serializers
from permissions.serializers import AudienceSerializer
from resources.models import Document, Profile

class Card(serializers.Serializer):
    name = serializers.CharField()
class Deeper(serializers.Serializer):
    card = Card(source="owner")
def said(obj):
    return "public"
class Methods:
    get_picked = operator.attrgetter("title")
    get_called = operator.methodcaller("get_status_display")
    def get_card(self, obj):
        return Card(obj).data
    def get_text(self, obj):
        return f"{obj}"
    def get_owners(self, obj):
        return obj.owner.profiles.get().motto
    def get_directory(self, obj):
        return [str(p.pk) for p in Profile.directory.shown()]
class ViewerSerializer(Methods, AudienceSerializer):
    day = serializers.DateTimeField(source="created_at", format="%Y", read_only=True)
    picked = serializers.SerializerMethodField()
    called = serializers.SerializerMethodField()
    card = serializers.SerializerMethodField()
    deeper = Deeper(source="*", read_only=True)
    text = serializers.SerializerMethodField()
    owners = serializers.SerializerMethodField()
    directory = serializers.SerializerMethodField()
    missing = serializers.CharField(source="extra.note", default=said, read_only=True)
    link = serializers.SlugRelatedField("username", source="owner", read_only=True)
    class Meta:
        model = Document
        fields = ("id", "title", "day", "picked", "called", "card", "deeper", "text", "owners",
                  "directory", "missing", "link")
def prepare(rows):
    return rows.filter(owner__in=Profile.directory.shown())
def find(rows):
    return Document.unscoped.filter(owner__in=rows)
"""
EDITS: dict[str, tuple[str, str, str]] = {
    "what an attrgetter gets": ('attrgetter("title")', 'attrgetter("budget")', "get_picked"),
    "what a methodcaller calls": ('"get_status_display"', '"get_budget"', "get_called"),
    "a serializer that a method calls": (
        "    name = serializers.CharField()", "    name = serializers.CharField(source='budget')",
        "get_card"),
    "a serializer two levels below": (
        "    name = serializers.CharField()", "    name = serializers.CharField(source='email')",
        "fields of Card"),
    "the format of a moment": ('format="%Y"', 'format="%c"', "viewer: day"),
    "no format of a moment": (', format="%Y"', "", "viewer: day"),
    "the default of a field": ('return "public"', 'return str(obj.budget)', "missing"),
}  # fmt: skip

Load = Callable[..., Resource]


class Directory(models.Manager[Any]):
    def shown(self) -> Any:
        return self.filter(is_public=True)


class OpenDirectory(models.Manager[Any]):
    def shown(self) -> Any:
        return self.all()


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """`load(old, new)` gives the resource as the module declares it after this edit."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(Profile, "directory", Directory(), raising=False)

    def loaded(old: str = "", new: str = "", **more: Any) -> Resource:
        assert old in SHOWN
        (tmp_path / "reached_shown.py").write_text(SHOWN.replace(old, new) if old else SHOWN)
        sys.modules.pop("reached_shown", None)
        importlib.invalidate_caches()
        module: ModuleType = importlib.import_module("reached_shown")
        linecache.clearcache()
        audience = Audience("viewer", "view_document", module.ViewerSerializer)
        given = {name: getattr(module, name) for name in more.pop("with_", ())}
        return Resource(model=Document, audiences=(audience,), **given, **more)

    yield loaded
    sys.modules.pop("reached_shown", None)


def test_nothing_is_told_of_a_module_that_is_loaded_again(load: Load) -> None:
    assert told(entry(load()), entry(load())) == []


@pytest.mark.parametrize("what", EDITS)
def test_edit_is_told(load: Load, what: str) -> None:
    old, new, named = EDITS[what]
    before = entry(load())
    found = told(before, entry(load(old, new)))
    assert any(named in line for line in found), found


def test_text_of_the_model_is_told(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    before = entry(load())
    monkeypatch.setattr(Document, "__str__", lambda self: str(self.budget))
    assert any("get_text" in line for line in told(before, entry(load())))


def test_property_of_a_related_model_is_told(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Profile, "motto", property(lambda self: self.first_name), raising=False)
    before = entry(load())
    monkeypatch.setattr(Profile, "motto", property(lambda self: self.email))
    assert any("get_owners" in line for line in told(before, entry(load())))


@pytest.mark.parametrize("by", ["get_directory", "prepare"])
def test_manager_of_another_model_is_told(
    load: Load, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    before = entry(load(with_=["prepare"]))
    monkeypatch.setattr(Profile, "directory", OpenDirectory())
    assert any(by in line for line in told(before, entry(load(with_=["prepare"]))))


class Cut(models.CharField):
    def __init__(self, *args: Any, most: int = 3, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.most = most

    def from_db_value(self, value: Any, *_: Any) -> Any:
        return value[: self.most]


def test_what_a_columns_own_class_is_told_is_told(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = Document._meta.get_field("title")
    monkeypatch.setattr(title, "__class__", Cut)
    monkeypatch.setattr(title, "most", 3, raising=False)
    before = entry(load())
    monkeypatch.setattr(title, "most", 300)
    assert any("title" in line for line in told(before, entry(load())))


def test_settings_format_of_moments_is_told(load: Load, settings: Settings) -> None:
    plain = ', format="%Y"', ""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DATETIME_FORMAT": "%Y"}
    before = entry(load(*plain))
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DATETIME_FORMAT": "iso-8601"}
    assert any("day" in line for line in told(before, entry(load(*plain))))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"sources": (Direct(),)}, {"sources": (Direct(), Generic())}),
        ({"sources": (AsGuardian(),)}, {"sources": (AsGuardian(), Generic())}),
        ({"tenant": "owner__organization"}, {"tenant": "owner__employer"}),
        ({"names": "title"}, {"names": "body"}),
    ],
)
def test_part_of_the_declaration_is_told(
    load: Load, before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert told(entry(load(**before)), entry(load(**after)))


@pytest.mark.parametrize("which", ["owner", "status"])
def test_other_column_of_what_decides_who_sees_is_told(
    load: Load, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    declared: dict[str, Any] = {"holders": {"owner": "viewer"}, "visible_by": {"status": "x"}}
    before = entry(load(**declared))
    monkeypatch.setattr(Document._meta.get_field(which), "column", "another")
    assert any(which in line for line in told(before, entry(load(**declared))))


def test_other_table_is_told(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    before = entry(load())
    monkeypatch.setattr(Document._meta, "db_table", "another")
    assert told(before, entry(load()))


class Everybody(AsGuardian):
    def tables(self, model: Any) -> Any:
        return super().tables(model)


class Nobody(AsGuardian):
    def tables(self, model: Any) -> Any:
        return ()


def test_sources_own_class_is_told(load: Load) -> None:
    Everybody.__name__ = Everybody.__qualname__ = "Nobody"
    before, after = (entry(load(sources=(kind(),))) for kind in (Nobody, Everybody))
    assert any("grants by Nobody" in line for line in told(before, after))


def test_fewer_tables_of_grants_are_a_notice(load: Load) -> None:
    more, fewer = (entry(load(sources=some)) for some in ((Direct(), Generic()), (Direct(),)))
    assert told(more, fewer) == []
    assert [each.field for each in compare({"a.b": more}, {"a.b": fewer})] == ["grants"]
    assert "Not as usual: grants found by Direct." in text({"a.b": fewer})

"""Widenings that no declaration shows, each as an edit of a project's own modules: the lock tells
of each, in a line that names the code."""

from __future__ import annotations

import importlib
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
from resources.models import Document
from tests.permissions.review.widened import told

HELPERS = """
SHORT = [3]
def cut(text):
    return text[:SHORT[0]]
class Cutter:
    def cut(self, text):
        return cut(text)
def logged(method):
    import functools
    @functools.wraps(method)
    def inner(*args):
        return method(*args)[:30]
    return inner
"""
SHOWN = """
from django.conf import settings
from rest_framework import serializers
from permissions.serializers import AudienceSerializer
from resources.models import Document
import widened_helpers
from widened_helpers import Cutter, cut, logged

class Masked(serializers.CharField):
    def to_representation(self, value):
        return value[:3]
class Sized(serializers.CharField):
    def __init__(self, size, **kwargs):
        self.size = size
        super().__init__(**kwargs)
    def to_representation(self, value):
        return value[:self.size]
class Mixin:
    MOST = 30
    def get_own(self, obj):
        return obj.title[:self.MOST]
    def get_short(self, obj):
        return cut(obj.title)
    def get_long(self, obj):
        return obj.title
    def get_by_module(self, obj):
        return widened_helpers.cut(obj.title)
    def get_by_class(self, obj):
        return Cutter().cut(obj.title)
    @logged
    def get_wrapped(self, obj):
        return obj.title
    def get_by_model(self, obj):
        return obj.teaser
    def get_by_setting(self, obj):
        return obj.title[:settings.TEASER]
    def get_with_default(self, obj, most=widened_helpers.SHORT):
        return obj.title[:most[0]]
class Inner(serializers.Serializer):
    username = Masked()
class Many(serializers.ListField):
    child = Masked()
class Base(AudienceSerializer):
    masked = Masked(source="title", read_only=True)
    sized = Sized(10, source="title", read_only=True)
    own = serializers.SerializerMethodField()
    short = serializers.SerializerMethodField(method_name="get_short")
    by_module = serializers.SerializerMethodField()
    by_class = serializers.SerializerMethodField()
    wrapped = serializers.SerializerMethodField()
    by_model = serializers.SerializerMethodField()
    by_setting = serializers.SerializerMethodField()
    with_default = serializers.SerializerMethodField()
    inner = Inner(source="owner", read_only=True)
    inners = Inner(source="people", many=True, read_only=True)
    list = serializers.ListField(child=Masked(), source="titles", read_only=True)
    slug = serializers.SlugRelatedField("username", source="owner", read_only=True)
    who = serializers.CharField(source="owner.first_name", read_only=True)
    text = serializers.StringRelatedField(source="owner")
class ViewerSerializer(Mixin, Base):
    def to_representation(self, obj):
        return {k: v for k, v in super().to_representation(obj).items() if k != "hidden"}
    class Meta:
        model = Document
        fields = ("id", "title", "masked", "sized", "own", "short", "by_module", "by_class",
                  "wrapped", "by_model", "by_setting", "with_default", "inner", "inners", "list",
                  "slug", "who", "text")
"""
NESTED = "class Inner(serializers.Serializer):\n    username = serializers.CharField()"
RESTRAINING = SHOWN[
    SHOWN.index("    def to_representation(self, obj)") : SHOWN.index("    class Meta")
]
EDITS: dict[str, tuple[str, str, str]] = {
    "a helper in another module": ("cut(text):\n    return text[:SHORT[0]]",
                                   "cut(text):\n    return text", "short"),
    "a list that the helper reads": ("SHORT = [3]", "SHORT = [300]", "short"),
    "a helper that is named by its module": ("return text[:SHORT[0]]", "return text", "by_module"),
    "a helper's class": ("return cut(text)", "return text", "by_class"),
    "what wraps a method": ("return method(*args)[:30]", "return method(*args)", "wrapped"),
    "a default of a parameter": ("SHORT = [3]", "SHORT = [300]", "with_default"),
    "a plain value of a mixin": ("MOST = 30", "MOST = 3000", "Mixin.MOST"),
    "a method of a mixin": ("return obj.title[:self.MOST]", "return obj.body", "Mixin.get_own"),
    "another method by name": ('method_name="get_short"', 'method_name="get_long"', "short"),
    "a field's own class": ("return value[:3]", "return value", "Masked"),
    "what a field's class is told": ("Sized(10,", "Sized(1000,", "Sized of sized"),
    "to_representation": ('if k != "hidden"', "if True", "to_representation"),
    "a field of a nested serializer": (
        "username = Masked()", "username = Masked()\n    email = serializers.EmailField()",
        "fields of Inner"),
    "the source of a nested field": (
        "username = Masked()", 'username = Masked(source="email")', "fields of Inner"),
    "a nested field's class": ("class Inner(serializers.Serializer):\n    username = Masked()",
                               NESTED, "fields of Inner"),
    "a list's fields": ("ListField(child=Masked()", "ListField(child=serializers.CharField()",
                        "list"),
    "another column of a related row": ('"username", source', '"email", source', "slug"),
    "another source through a row": ("owner.first_name", "owner.email", "who"),
    "nothing that restrains any more": (
        RESTRAINING, "", "to_representation"),
}  # fmt: skip

Load = Callable[..., Resource]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """`load(old, new)` gives the resource as the modules declare it after this edit."""
    with pytest.MonkeyPatch.context() as patch:
        yield from loading_from(tmp_path_factory.mktemp("widened"), patch)


def loading_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(Document, "people", property(lambda self: []), raising=False)
    monkeypatch.setattr(Document, "titles", property(lambda self: []), raising=False)
    monkeypatch.setattr(Document, "teaser", property(teaser), raising=False)

    def loaded(old: str = "", new: str = "") -> Resource:
        assert old in HELPERS + SHOWN
        modules: list[ModuleType] = []
        for name, text in (("widened_helpers", HELPERS), ("widened_shown", SHOWN)):
            (tmp_path / f"{name}.py").write_text(text.replace(old, new) if old else text)
            sys.modules.pop(name, None)
            importlib.invalidate_caches()
            modules.append(importlib.import_module(name))
        # The text of a file is read again only if its time or its size has changed.
        import linecache

        linecache.clearcache()
        audience = Audience("viewer", "view_document", modules[1].ViewerSerializer)
        return Resource(model=Document, audiences=(audience,))

    yield loaded
    for name in ("widened_helpers", "widened_shown"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def before(load: Load) -> Any:
    """The entry of what nobody edited."""
    return entry(load())


def teaser(self: Any) -> str:
    return str(self.title)[:3]


def long_teaser(self: Any) -> str:
    return str(self.budget)


def test_nothing_is_told_of_modules_that_are_loaded_again(load: Load, before: Any) -> None:
    assert told(before, entry(load())) == []


@pytest.mark.parametrize("what", EDITS)
def test_edit_is_told(load: Load, before: Any, what: str) -> None:
    old, new, named = EDITS[what]
    found = told(before, entry(load(old, new)))
    assert any(named in line for line in found), found


def test_property_of_the_model_that_a_method_reads_is_told(
    load: Load, before: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Document, "teaser", property(long_teaser))
    assert any("get_by_model" in line for line in told(before, entry(load())))


def test_setting_that_a_method_reads_is_told_and_a_secret_one_is_not(
    load: Load, settings: Settings
) -> None:
    settings.TEASER = 3
    before = entry(load())
    settings.TEASER = 300
    assert any("get_by_setting" in line for line in told(before, entry(load())))
    secret = ("settings.TEASER", "len(settings.SECRET_KEY)")
    before = entry(load(*secret))
    settings.SECRET_KEY = "another, which is long enough"
    assert told(before, entry(load(*secret))) == []


class Published(type(Document.objects)):  # type: ignore[misc]
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(status="published")


class Everything(Published):
    def get_queryset(self) -> Any:
        return super().get_queryset().model.unscoped.all()


def test_manager_that_leaves_nothing_out_any_more_is_told(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def managed(manager: models.Manager[Any]) -> Any:
        monkeypatch.setattr(Document, "objects", manager)
        manager.model = Document
        return entry(load())

    plain, published = managed(Document.objects), managed(Published())
    assert any("manager Published" in line for line in told(published, plain))
    assert any("manager Everything" in line for line in told(published, managed(Everything())))


class MaskedColumn(models.CharField):
    def from_db_value(self, value: Any, *_: Any) -> Any:
        return value[:3]


def test_columns_own_class_is_told(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    masked, before = Document._meta.get_field("title"), entry(load())
    monkeypatch.setattr(masked, "__class__", MaskedColumn)
    assert any("MaskedColumn" in line or "method" in line for line in told(before, entry(load())))
    assert "MaskedColumn" in entry(load()).code

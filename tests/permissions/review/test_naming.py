"""Ways around the lock that somebody would try who widens by what code names, and not by its text:
each is an edit of a project's own package, and each is told with the name of what it changes."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import CharField, GeneratedField
from django.db.models.functions import Lower
from django.db.models.signals import post_init

from permissions.audiences import Audience, Resource
from permissions.review import deciding_code
from permissions.review.catalogue import entry
from permissions.review.naming import named
from permissions.serializers import AudienceSerializer
from resources.models import Document
from tenants.models import User
from tests.permissions.review.widened import told

HELPERS = """
import attacked
from django.db.models import F
def short(text):
    return text[:3]
def keys(rows):
    return [row.pk for row in rows][:1]
class Base:
    most = 3
    def cut(self, text):
        return text[:self.most]
class Policy:
    def __init__(self, column):
        self.column = column
    def prepare(self, rows):
        return rows.annotate(teaser=F(self.column))
class Slotted(Policy):
    __slots__ = ("hidden",)
    def __init__(self, hidden):
        self.hidden = hidden
    def shown(self, obj):
        return getattr(obj, self.hidden)
"""
SHOWN = """
from functools import partial, singledispatch
from types import MappingProxyType
from django.db.models import Q
from rest_framework import serializers
import attacked.helpers
from attacked.helpers import Base, Policy, Slotted, short
from permissions.audiences import Audience, Resource, Shows
from permissions.serializers import AudienceSerializer
from resources.models import Document

TABLE = {"short": short}
FROZEN = MappingProxyType({"most": 4})
VISIBLE = Q(status="published")
ROWS = Document.unscoped.filter(status="archived")
POLICY = Policy("title")
SLOTTED = Slotted("title")
MOST = 5
class Cutter(Base):
    def cut(self, text):
        return super().cut(text)
class Inheriting(Base):
    pass
@singledispatch
def spelled(value):
    return "-"
@spelled.register
def _(value: str):
    return value[:6]
class Whole(serializers.Field):
    def to_representation(self, obj):
        return obj.title[:7]
class Outer:
    def to_representation(self, obj):
        return {k: v for k, v in super().to_representation(obj).items() if k != "hidden"}
class Kind(serializers.SerializerMetaclass):
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls, *args, **kwargs)
class ViewerSerializer(Outer, AudienceSerializer, metaclass=Kind):
    whole = Whole(source="*", read_only=True)
    by_table = serializers.SerializerMethodField()
    by_mapping = serializers.SerializerMethodField()
    by_super = serializers.SerializerMethodField()
    by_base = serializers.SerializerMethodField()
    by_slot = serializers.SerializerMethodField()
    by_kind = serializers.SerializerMethodField()
    by_module = serializers.SerializerMethodField()
    by_rows = serializers.SerializerMethodField()
    by_partial = serializers.SerializerMethodField()
    def get_by_table(self, obj):
        return TABLE["short"](obj.title)
    def get_by_mapping(self, obj):
        return obj.title[:FROZEN["most"]]
    def get_by_super(self, obj):
        return Cutter().cut(obj.title)
    def get_by_base(self, obj):
        return Inheriting().cut(obj.title)
    def get_by_slot(self, obj):
        return SLOTTED.shown(obj)
    def get_by_kind(self, obj):
        return spelled(obj.title)
    def get_by_module(self, obj):
        return attacked.helpers.short(obj.title)
    def get_by_rows(self, obj):
        return ROWS.filter(pk=obj.pk).exists()
    get_by_partial = partial(lambda self, obj, parts: parts[0](obj.title), parts=[short])
    class Meta:
        model = Document
        fields = ("id", "title", "whole", "by_table", "by_mapping", "by_super", "by_base",
                  "by_slot", "by_kind", "by_module", "by_rows", "by_partial")
def find(rows):
    from attacked.helpers import keys
    from attacked.nothing import there
    return Document.unscoped.filter(pk__in=keys(rows)[:MOST])
class Prepare:
    def __call__(self, rows):
        return POLICY.prepare(rows.filter(VISIBLE))
RESOURCE = Resource(
    model=Document,
    audiences=(Audience("viewer", "view_document", ViewerSerializer),),
    prepare=Prepare(),
    shows=(Shows("teaser", Document, ("title",), find),),
)
BOUND = POLICY.prepare
"""
EDITS: dict[str, tuple[str, str, str]] = {
    "a function in a table": ("text[:3]", "text", "by_table"),
    "what a table names": ('"short": short', '"short": str', "by_table"),
    "a frozen mapping": ('"most": 4', '"most": 400', "by_mapping"),
    "a condition": ('VISIBLE = Q(status="published")', "VISIBLE = Q()", "prepare"),
    "rows": ('filter(status="archived")', "all()", "by_rows"),
    "what an object holds": ('Policy("title")', 'Policy("budget")', "prepare"),
    "what an object holds in a slot": ('Slotted("title")', 'Slotted("budget")', "by_slot"),
    "what super calls": ("text[:self.most]", "text", "by_super"),
    "what a class inherits": ("text[:self.most]", "text", "by_base"),
    "a value that a class inherits": ("most = 3", "most = 300", "by_base"),
    "one of several implementations": ("value[:6]", "value", "by_kind"),
    "a module within a package": ("text[:3]", "text", "by_module"),
    "what a partial function is given": ("text[:3]", "text", "by_partial"),
    "a function that is imported late": ("rows][:1]", "rows]", "find"),
    "a constant of find": ("MOST = 5", "MOST = 500", "find"),
    "a field of the whole object": ("obj.title[:7]", "obj.body", "Whole"),
    "to_representation of a mixin": ('if k != "hidden"', "if True", "Outer.to_representation"),
    "what makes the class": (
        "        return super().__new__(cls",
        "        args[2].pop('x', 0)\n        return super().__new__(cls", "Kind"),
}  # fmt: skip

Load = Callable[..., Any]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """`load(old, new)` gives the package's module after this edit."""
    with pytest.MonkeyPatch.context() as patch:
        yield from loading_from(tmp_path_factory.mktemp("attacked"), patch)


def loading_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    texts = {"__init__": "", "helpers": HELPERS, "shown": SHOWN}
    (tmp_path / "attacked").mkdir()

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "attacked"]:
            del sys.modules[name]

    def loaded(old: str = "", new: str = "") -> Any:
        assert old in HELPERS + SHOWN
        for name, text in texts.items():
            text = text.replace(old, new) if old else text
            (tmp_path / "attacked" / f"{name}.py").write_text(text)
        forget()
        importlib.invalidate_caches()
        linecache.clearcache()  # else a text is read again only if its time or its size changed
        return importlib.import_module("attacked.shown")

    yield loaded
    forget()


@pytest.fixture(scope="module")
def before(load: Load) -> Any:
    """The entry of what nobody edited."""
    return entry(load().RESOURCE)


def test_nothing_is_told_of_what_is_loaded_again(load: Load, before: Any) -> None:
    assert told(before, entry(load().RESOURCE)) == []


@pytest.mark.parametrize("what", EDITS)
def test_edit_is_told(load: Load, before: Any, what: str) -> None:
    old, new, name = EDITS[what]
    found = told(before, entry(load(old, new).RESOURCE))
    assert any(name in line for line in found), found


def test_method_of_an_object_is_told_with_what_the_object_holds(load: Load) -> None:
    def bound(*edit: str) -> Any:
        module = load(*edit)
        return entry(Resource(module.Document, module.RESOURCE.audiences, prepare=module.BOUND))

    before = bound()
    assert told(before, bound()) == []
    for edit in (('Policy("title")', 'Policy("budget")'), ("F(self.column)", 'F("budget")')):
        assert any("prepare" in line for line in told(before, bound(*edit))), edit


# The model


class Viewer(AudienceSerializer):
    class Meta:
        model = Document
        fields: Any = ("id", "title")


VIEWER = Resource(Document, (Audience("viewer", "view_document", Viewer),))


def loading(cls: Any, db: Any, names: Any, values: Any) -> Any:
    return super(Document, cls).from_db(db, names, values)


def test_what_every_row_passes_through_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = entry(VIEWER)
    with monkeypatch.context() as patched:
        patched.setattr(Document, "from_db", classmethod(loading), raising=False)
        assert any("Document.from_db" in line for line in told(before, entry(VIEWER)))

    def renamed(instance: Any, **_: Any) -> None:
        instance.title = instance.budget

    post_init.connect(renamed, sender=Document)
    try:
        assert any("post_init renamed" in line for line in told(before, entry(VIEWER)))
    finally:
        post_init.disconnect(renamed, sender=Document)


def test_column_that_is_stored_elsewhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = entry(VIEWER)
    monkeypatch.setattr(Document._meta.get_field("title"), "column", "body")
    [line] = told(before, entry(VIEWER))
    assert "viewer: title: comes from column title, stored as body, before from column" in line


def test_expression_of_a_generated_column_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def generated(name: str) -> Any:
        made: Any = GeneratedField(
            expression=Lower(name), output_field=CharField(), db_persist=True
        )
        made.set_attributes_from_name("title")
        monkeypatch.setattr(deciding_code, "column", lambda resource, bound: made)
        return entry(VIEWER)

    before = generated("title")
    assert told(before, generated("title")) == []
    assert any("expression of title" in line for line in told(before, generated("budget")))


def test_text_of_a_related_row_is_told(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    from rest_framework import serializers

    class Named(Viewer):
        owner: Any = serializers.StringRelatedField()

        class Meta(Viewer.Meta):
            fields = ("id", "owner")

    resource = Resource(Document, (Audience("viewer", "view_document", Named),))
    before = entry(resource)
    monkeypatch.setattr(User, "__str__", lambda self: self.email)
    [line] = told(before, entry(resource))
    assert "viewer: owner: comes from method" in line


def test_import_that_fails_names_nothing() -> None:
    def late() -> Any:
        from attacked.nothing import there  # type: ignore[import-not-found]

        return there

    assert list(named(late, ())) == []

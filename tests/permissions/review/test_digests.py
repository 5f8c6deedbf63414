"""A digest follows what a function does: its text, what it calls in its app, values it names."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from rest_framework import serializers

from permissions.review.digests import digest
from permissions.review.naming import is_ours
from permissions.review.plain import plain

SOURCE = """
import json
LIMIT = 5
def helper(x):
    return x + 1
def nested(x):
    return [helper(y) for y in x]
def outer(x):
    def inner():
        return LIMIT + nested(x)
    return inner
def recursive(x):
    return recursive(x)
def foreign(x):
    return json.dumps(x)
def closing(word):
    def inner(x):
        return word + x
    return inner
closed = closing("a")
lam = lambda x: helper(x)
class Thing:
    def __call__(self, x):
        return self.name(x)
    @property
    def name(self):
        return helper(1)
thing = Thing()
"""
WRAPPED = """
import functools
def short(function):
    @functools.wraps(function)
    def inner(*args):
        return str(function(*args))[:3]
    return inner
shown = short(helper)
"""

Load = Callable[[str], Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """`load(source)` imports it as a module, each time under the same name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def fresh(source: str) -> Any:
        name = f"digested_{len(list(tmp_path.iterdir()))}"
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield fresh
    for name in [name for name in sys.modules if name.startswith("digested_")]:
        del sys.modules[name]


def test_digest_is_the_same_in_every_process(load: Load) -> None:
    one, other = load(SOURCE), load(SOURCE)
    for name in ("helper", "outer", "recursive", "foreign", "lam", "Thing", "thing", "closed"):
        assert digest(getattr(one, name)) == digest(getattr(other, name)), name
    assert digest(one.helper) != digest(one.nested)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("helper", "x + 1", "x + 2"),
        ("nested", "x + 1", "x + 2"),  # what it calls
        ("outer", "x + 1", "x + 2"),  # what that calls, from a function within
        ("outer", "LIMIT = 5", "LIMIT = 6"),
        ("lam", "x + 1", "x + 2"),
        ("closed", 'closing("a")', 'closing("b")'),
        ("thing", "self.name(x)", "self.name(2)"),
        ("Thing", "helper(1)", "helper(2)"),
        ("Thing", "x + 1", "x + 2"),
    ],
)
def test_edit_of_what_it_does_changes_it(load: Load, name: str, old: str, new: str) -> None:
    before, after = load(SOURCE), load(SOURCE.replace(old, new))
    assert digest(getattr(before, name)) != digest(getattr(after, name))


def test_edit_of_something_else_does_not(load: Load) -> None:
    before, after = load(SOURCE), load(SOURCE.replace("LIMIT = 5", "LIMIT = 6"))
    assert digest(before.helper) == digest(after.helper)


def test_property_or_method_counts_as_its_function(load: Load) -> None:
    module = load(SOURCE)
    for wrap in (property, functools.cached_property, staticmethod, classmethod, functools.cache):
        wrapped: Any = wrap(module.helper)
        assert digest(wrapped) == digest(module.helper)


def test_what_wraps_a_function_counts_as_well_as_the_function(load: Load) -> None:
    def wrapped(in_which: str, source: str = SOURCE) -> str:
        return digest(load(source + in_which).shown)

    plain = digest(load(SOURCE).helper)
    assert wrapped(WRAPPED) not in (plain, wrapped(WRAPPED.replace("[:3]", "[:4]")))
    assert wrapped(WRAPPED) != wrapped(WRAPPED, SOURCE.replace("x + 1", "x + 2"))


def test_arguments_that_are_set_beforehand_count(load: Load) -> None:
    module = load(SOURCE)
    digests = {
        digest(functools.partial(module.helper, *args, **kwargs))
        for args, kwargs in [((1,), {}), ((2,), {}), ((), {"x": 1})]
    }
    assert len(digests) == 3


def test_what_is_not_written_in_python_counts_by_its_name() -> None:
    assert digest(len) == digest(len) != digest(sorted)


class Colour(Enum):
    RED = "r"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Colour.RED, "Colour.RED='r'"),
        (re.compile("a+", re.ASCII), "pattern 'a+' 256"),
        ({"b", "a"}, "{'a', 'b'}"),
        (frozenset({2, 1}), "{1, 2}"),
        ([1, (2, None)], "[1, [2, None]]"),
        ({"a": Decimal("1.0")}, "{'a': Decimal('1.0')}"),
        ([len, Colour, object()], f"[builtins.len, {__name__}.Colour, builtins.object]"),
        (object(), None),
    ],
)
def test_plain_value_has_the_same_text_in_every_process(value: Any, text: str | None) -> None:
    assert plain(value) == text


def test_what_is_installed_or_not_written_in_python_is_not_ours(load: Load) -> None:
    module = load(SOURCE)
    assert is_ours(module.helper)
    assert is_ours(module.Thing)
    for foreign in (len, dict, Decimal, pytest.raises, serializers.CharField, digest, Colour.RED):
        assert not is_ours(foreign), foreign


def test_keyword_default_counts(load: Load) -> None:
    source = SOURCE + "def shown(x, *, most=LIMIT):\n    return x[:most]\n"
    before, after = load(source), load(source.replace("LIMIT = 5", "LIMIT = 6"))
    assert digest(before.shown) != digest(after.shown)


def test_text_of_a_class_and_of_a_function_is_looked_for_once(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def getsource(code: Any) -> str:
        asked.append(code)
        return source(code)

    source = inspect.getsource
    monkeypatch.setattr(inspect, "getsource", getsource)
    module = load(SOURCE)
    first = digest(module.Thing)
    assert asked
    found = len(asked)
    assert digest(module.Thing) == first
    assert len(asked) == found

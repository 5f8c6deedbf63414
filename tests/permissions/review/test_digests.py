"""A digest follows what a function does: its text, what it calls in its app, values it names."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from permissions.review.digests import digest

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


def test_wrapped_function_counts_as_what_it_wraps(load: Load) -> None:
    module = load(SOURCE)
    plain = digest(module.helper)
    for wrap in (property, functools.cached_property, staticmethod, classmethod):
        wrapped: Any = wrap(module.helper)
        assert digest(wrapped) == plain

    @functools.wraps(module.helper)
    def logged(*args: Any) -> Any:
        return module.helper(*args)

    assert digest(logged) == plain


def test_arguments_that_are_set_beforehand_count(load: Load) -> None:
    module = load(SOURCE)
    digests = {
        digest(functools.partial(module.helper, *args, **kwargs))
        for args, kwargs in [((1,), {}), ((2,), {}), ((), {"x": 1})]
    }
    assert len(digests) == 3


def test_what_is_not_written_in_python_counts_by_its_name() -> None:
    assert digest(len) == digest(len) != digest(sorted)

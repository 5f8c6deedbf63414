"""Compares two catalogues: what is wider than before, and what is narrower. No I/O.

In doubt, a change is wider: its author confirms by `--accept` that it is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from permissions.review.entries import Catalogue, Entry, Field, Shown, Source, Type
from permissions.review.sensitivity import is_lower

RULES: Final = {
    "model": "A model is reviewed, or not any more",
    "audience": "An audience is new, or gone",
    "permission": "An audience is held by another permission",
    "right": "An audience may delete or grant, or may not any more",
    "order": "Audiences are tried in another order",
    "field": "A field is in a payload, or not any more",
    "fields": "A payload's fields are in another order",
    "type": "A field has another type",
    "source": "A field comes from somewhere else",
    "empty": "A field may be empty, or may not any more",
    "writer": "A field may be written, or may not any more",
    "sensitivity": "A field has another label",
    "holder": "Somebody holds an audience by whose the object is",
    "role": "A role holds an audience",
    "visible": "Other objects are visible",
    "found": "Tables, tenants, grants or names are found otherwise",
    "never": "Something is never shown, or may be shown again",
    "code": "Code that decides what is shown was edited",
}

OUTPUT: Final = frozenset({"to_representation", "get_attribute", "get_fields", "fields", "data"})
"""Methods of serializers and fields by which a framework's output is changed."""


USUAL: Final = "what is usual"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a model, an audience or a field was and is: wider or narrower, by which rule."""

    rule: str
    widens: bool
    model: str
    audience: str
    field: str
    text: str


Found = Iterator[tuple[str, bool, str, str, str]]
"""For one model: rule, whether it widens, audience, field and text."""


def compare(old: Catalogue, new: Catalogue) -> list[Difference]:
    """Return every difference, in the order of the models."""
    return [
        Difference(rule, widens, label, audience, field, text)
        for label in sorted({*old, *new})
        for rule, widens, audience, field, text in _model(old.get(label), new.get(label))
    ]


def _model(old: Entry | None, new: Entry | None) -> Found:
    if new is None:
        yield "model", False, "", "", "is not declared any more"
    elif old is None:
        for name, shown in new.audiences.items():
            yield "model", True, name, "", f"is new, and sees {_list(shown.fields)}"
    else:
        fields = list(_audiences(old, new))
        yield from fields
        yield from _order(old, new)
        yield from _given("holder", "the user in {}", old.holders, new.holders, old, new)
        yield from _given("role", "the role {}", old.roles, new.roles, old, new)
        yield from _visible(old.visible_by, new.visible_by)
        yield from _found(old.found, new.found)
        yield from _never(old, new)
        yield from _code(old, new, {field for _, widens, _, field, _ in fields if widens})


def _list(names: Mapping[str, object] | list[str]) -> str:
    return ", ".join(names)


def gains(less: Shown, more: Shown) -> list[str]:
    """Return what somebody gains who moves from one audience to another."""
    found = [name for name in more.fields if name not in less.fields]
    writes = [n for n, f in more.fields.items() if f.writable and n in less.fields]
    found += [f"writing {name}" for name in writes if not less.fields[name].writable]
    found += ["deleting"] if more.deletes and not less.deletes else []
    return found + (["granting"] if more.grants and not less.grants else [])


def _uncovered(name: str, old: Entry, new: Entry) -> Iterator[tuple[str, str]]:
    """Yield the later audiences that now show more, for those who no longer hold this one."""
    names = list(old.audiences)
    for other in names[names.index(name) + 1 :]:
        more = gains(old.audiences[name], new.audiences[other]) if other in new.audiences else []
        if more:
            yield other, f"whoever held {name} before it gains {_list(more)}"


def _audiences(old: Entry, new: Entry) -> Found:
    for name, shown in new.audiences.items():
        if name in old.audiences:
            yield from _audience(name, old.audiences[name], shown)
        else:
            yield "audience", True, name, "", f"is new, and sees {_list(shown.fields)}"
    for name in old.audiences:
        if name not in new.audiences:
            yield "audience", False, name, "", "is gone"
            for other, text in _uncovered(name, old, new):
                yield "audience", True, other, "", text


def _audience(name: str, old: Shown, new: Shown) -> Found:
    if old.permission != new.permission:
        text = f"is held by {new.permission}, it was {old.permission}"
        yield "permission", True, name, "", text
    for right in ("deletes", "grants"):
        before, now = getattr(old, right), getattr(new, right)
        if before != now:
            yield "right", now, name, "", f"{right} now" if now else f"{right} no more"
    yield from _fields(name, old, new)


def _fields(name: str, old: Shown, new: Shown) -> Found:
    for field in new.fields:
        if field not in old.fields:
            yield "field", True, name, field, f"is shown now ({_described(new.fields[field])})"
        else:
            for rule, widens, text in _field(old.fields[field], new.fields[field]):
                yield rule, widens, name, field, text
    for field in old.fields:
        if field not in new.fields:
            yield "field", False, name, field, "is not shown any more"
    if [f for f in old.fields if f in new.fields] != [f for f in new.fields if f in old.fields]:
        yield "fields", False, name, "", f"has its fields in another order: {_list(new.fields)}"


def _described(field: Field) -> str:
    return f"{field.type}, {field.source}, {field.sensitivity}"


def _field(old: Field, new: Field) -> Iterator[tuple[str, bool, str]]:
    if old.type != new.type:
        yield "type", not _is_narrower(old.type, new.type), f"is {new.type}, it was {old.type}"
    if old.source != new.source:
        less = _is_part(old.source, new.source)
        yield "source", not less, f"comes from {new.source}, before from {old.source}"
    if old.nullable != new.nullable:
        yield "empty", new.nullable, "may be empty now" if new.nullable else "is never empty now"
    if old.writable != new.writable:
        text = "may be written now" if new.writable else "may not be written any more"
        yield "writer", new.writable, text
    if old.sensitivity != new.sensitivity:
        lower = is_lower(new.sensitivity, old.sensitivity)
        yield "sensitivity", lower, f"is {new.sensitivity}, it was {old.sensitivity}"


def _is_narrower(old: Type, new: Type) -> bool:
    """Return whether every value of the new type is one of the old type."""
    fits = old.size is None or (new.size is not None and new.size <= old.size)
    chosen = not old.choices or (bool(new.choices) and set(new.choices) <= set(old.choices))
    return old.kind == new.kind and fits and chosen


def _is_part(old: Source, new: Source) -> bool:
    """Return whether the new source reads a part of what the old one reads."""
    same = (old.kind, old.by, old.code) == (new.kind, new.by, new.code)
    return same and set(new.of) < set(old.of)


def _order(old: Entry, new: Entry) -> Found:
    before = [name for name in old.audiences if name in new.audiences]
    now = [name for name in new.audiences if name in old.audiences]
    for place, last in enumerate(before):
        for first in before[place + 1 :]:
            if now.index(first) < now.index(last):
                more = gains(new.audiences[last], new.audiences[first])
                text = f"comes before {last} now: who holds both gains {_list(more) or 'nothing'}"
                yield "order", bool(more), first, "", text


def _given(
    rule: str, whom: str, before: Mapping[str, str], now: Mapping[str, str], old: Entry, new: Entry
) -> Found:
    """Return who holds an audience by the declaration alone."""
    for what in sorted({*before, *now}):
        was, name, who = before.get(what), now.get(what), whom.format(what)
        if was == name:
            continue
        if was is None:
            yield rule, True, str(name), "", f"is held by {who} now"
        else:
            yield from _lost(rule, who, was, name, old, new)


def _lost(rule: str, who: str, was: str, name: str | None, old: Entry, new: Entry) -> Found:
    """Compare when holders of an audience now hold another or none; no loss if that shows more."""
    more = [] if name is None else gains(old.audiences[was], new.audiences[name])
    behind = list(_uncovered(was, old, new))
    if name is None:
        yield rule, False, was, "", f"is not held by {who} any more"
        for other, text in behind:
            yield rule, True, other, "", f"{who} does not hold {was} any more: {text}"
    else:
        yield rule, bool(more or behind), name, "", f"is held by {who} now, who held {was} before"


def _visible(old: Mapping[str, str], new: Mapping[str, str]) -> Found:
    for column in sorted({*old, *new}):
        was, now = old.get(column), new.get(column)
        if was is None:
            yield "visible", False, "", column, f"must be {now} now for an object to be seen"
        elif now != was:
            text = "may be anything" if now is None else f"must be {now}"
            yield "visible", True, "", column, f"{text} for an object to be seen, it was {was}"


def _found(old: Mapping[str, str], new: Mapping[str, str]) -> Found:
    for what in sorted({*old, *new}):
        was, now = old.get(what, USUAL), new.get(what, USUAL)
        less = what == "grants" and set(now.split(", ")) < set(was.split(", "))
        if now != was:
            yield "found", not less, "", what, f"found by {now} now, before by {was}"


def _never(old: Entry, new: Entry) -> Found:
    for what, before, now in (
        ("never", old.never, new.never),
        ("never_label", old.never_label, new.never_label),
    ):
        for subject in sorted({*before, *now}):
            was, here = before.get(subject, ()), now.get(subject, ())
            for name in was:
                if name not in here and name in new.audiences:
                    yield "never", True, name, subject, f"may be shown again: `{what}` says no more"
            for name in here:
                if name not in was:
                    yield "never", False, name, subject, f"is never shown now, by `{what}`"


def _code(old: Entry, new: Entry, changed: set[str]) -> Found:
    """Report changed code, except code that came or went with a field, which that field reports."""
    with_fields = {code for name in changed for code in _code_of(name, new)}
    used = {code for shown in new.audiences.values() for code in _codes(shown)}
    for name in sorted({*old.code, *new.code}):
        if name not in old.code:
            if name not in with_fields:
                yield "code", True, "", name, "is new code that may change what is shown"
        elif name not in new.code:
            text = "is gone, and with it what it did to what is shown"
            yield "code", _restrains(name) or name in used, "", name, text
        elif old.code[name] != new.code[name]:
            yield "code", True, "", name, "was edited: what it does, no declaration says"


def _restrains(code: str) -> bool:
    """Return whether this code may have kept something from being shown, so that more is shown
    without it."""
    kind, _, method = code.rpartition(".")
    return code == "prepare" or code.startswith("manager ") or bool(kind and method in OUTPUT)


def _code_of(field: str, entry: Entry) -> Iterator[str]:
    yield f"find of {field}"
    for shown in entry.audiences.values():
        if field in shown.fields:
            yield from shown.fields[field].source.code


def _codes(shown: Shown) -> Iterator[str]:
    return (code for field in shown.fields.values() for code in field.source.code)

"""What a comparison found, for people, for programs, and as SARIF for code hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from permissions.review.comparing import RULES, Difference
from permissions.review.entries import Catalogue, Place
from permissions.review.findings import Fault
from permissions.review.lock import ACCEPT

PROBE: Final = "probe"
SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def lines(found: Iterable[Difference]) -> Iterator[str]:
    """Yield a line for each, wider ones first; audiences with the same difference share a line."""
    together: dict[tuple[bool, str, str, str], list[str]] = {}
    for each in sorted(found, key=lambda each: not each.widens):
        key = (each.widens, each.model, each.field, each.text)
        together.setdefault(key, []).append(each.audience)
    for (widens, model, field, text), audiences in together.items():
        what = ": ".join(part for part in (model, ", ".join(audiences), field) if part)
        what, text = printable(what), printable(text)
        if widens:
            yield f"WIDER     {what}: {text}. If it is meant: {ACCEPT}"
        else:
            yield f"narrower  {what}: {text}."


def printable(text: str) -> str:
    """Return a text that is one line, and moves no terminal's cursor: a lock may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def as_json(found: Iterable[Difference]) -> dict[str, list[dict[str, Any]]]:
    """Return what is wider and what is narrower, separately."""
    by_kind: dict[str, list[dict[str, Any]]] = {"wider": [], "narrower": []}
    for each in found:
        row = asdict(each)
        by_kind["wider" if row.pop("widens") else "narrower"].append(row)
    return by_kind


def sarif(found: Iterable[Difference], new: Catalogue, lock: str) -> dict[str, Any]:
    """Return a SARIF 2.1.0 log: errors for wider, notes for narrower, at the serializer's line."""
    results = []
    for each in found:
        [line] = lines([each])
        level = "error" if each.widens else "note"
        results.append(
            _result(each.rule, level, line, _place(each.model, each.audience, new), lock)
        )
    return _log(RULES, results)


def sarif_of_faults(found: Iterable[Fault], new: Catalogue, lock: str) -> dict[str, Any]:
    """Return a SARIF 2.1.0 log of what the probe found, at the serializer's line."""
    return _log(
        {PROBE: "Something else is shown than is declared"},
        [
            _result(PROBE, "error", f"{each}.", _place(each.model, each.audience, new), lock)
            for each in found
        ],
    )


def _log(rules: Mapping[str, str], results: list[dict[str, Any]]) -> dict[str, Any]:
    told = [{"id": name, "shortDescription": {"text": text}} for name, text in rules.items()]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": {"name": "earshot-review", "rules": told}}, "results": results}
        ],
    }


def _result(rule: str, level: str, line: str, place: Place | None, lock: str) -> dict[str, Any]:
    place = place or Place(lock, 1)
    location = {
        "artifactLocation": {"uri": place.file},
        "region": {"startLine": place.line},
    }
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": line},
        "locations": [{"physicalLocation": location}],
    }


def _place(model: str, audience: str, new: Catalogue) -> Place | None:
    """Return where the audience is declared, or else another audience of its model."""
    shown = new[model].audiences if model in new else {}
    at = shown.get(audience) or next(iter(shown.values()), None)
    return None if at is None else at.where

"""An explanation for a terminal, and as JSON for those who may see only their own fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any

import orjson
from rest_framework import serializers

from permissions.rest_grants import spell
from permissions.review.explaining import Explanation
from permissions.review.showing import table
from tenants import opaque
from tenants.users import User


def lines(found: Explanation, who: str, names: Mapping[int, str]) -> Iterator[str]:
    """Yield the explanation with the whole payload, for the server's operator."""
    yield f"{who}, {found.resource.label} {_id(found)}"
    yield ""
    if found.audience is None or found.way is None:
        yield "They are in no audience: nothing of it is sent to them."
    else:
        yield f"They are in the audience {found.audience.name}."
        yield from _row(found, names)
    if found.tried:
        yield ""
        yield "Tried before, in order:" if found.audience else "Tried, in order:"
        yield from (f"  {each.audience.name}: no, {each.why}." for each in found.tried)
    if found.changes:
        yield ""
        yield "What would change it:"
        yield from (f"  {change}" for change in found.changes)
    if found.seen is not None:
        yield ""
        yield from _payload(found)


def _row(found: Explanation, names: Mapping[int, str]) -> Iterator[str]:
    assert found.way is not None
    way = found.way
    how = f"{way.text} ({way.group})" if way.group else way.text
    yield f"  permission  {way.permission}"
    yield f"  how         {how}"
    yield f"  stored in   {way.table or 'nowhere: it is declared'}"
    yield f"  since       {_since(found)}"
    yield f"  granted by  {_giver(found, names)}"


def _since(found: Explanation) -> str:
    if found.beginning is None:
        return "not recorded"
    at = found.beginning.at.astimezone(UTC).isoformat(timespec="seconds")
    return f"before {at}, when the record began" if found.beginning.before else at


def _giver(found: Explanation, names: Mapping[int, str]) -> str:
    assert found.way is not None
    if found.way.default:
        return "nobody: it is declared"
    by = giver(found)
    if by is not None:
        return names.get(by, "somebody who is gone")
    if found.way.granted_at is not None:
        return "somebody who is gone"
    return "not through the API: by a script, or another program"


def giver(found: Explanation) -> int | None:
    """Who gave what they hold, by the stored row, or by the record, which outlives its users."""
    stored = None if found.way is None else found.way.granted_by
    recorded = None if found.beginning is None else found.beginning.given_by
    return recorded if stored is None else stored


def _payload(found: Explanation) -> Iterator[str]:
    assert found.seen is not None
    if found.seen.body is None:
        yield "It cannot be shown to them now; the server's log says why."
        return
    yield f"What their socket is sent now, with the etag {found.seen.etag}:"
    shown = orjson.dumps(orjson.loads(found.seen.body), option=orjson.OPT_INDENT_2)
    yield from (f"  {line}" for line in shown.decode().splitlines())


def readers(found: Iterable[tuple[str, Explanation]]) -> Iterator[str]:
    """Yield who sees an object: a line for each member."""
    rows = [
        (who, each.audience.name if each.audience else "-", each.way.text if each.way else "-")
        for who, each in found
    ]
    yield from table(("user", "audience", "how"), rows)


def as_json(found: Explanation) -> dict[str, Any]:
    """Return all of it, without values."""
    way, by = found.way, giver(found)
    return {
        "user": opaque.encode(User, found.user_id),
        "model": found.resource.label,
        "id": _id(found),
        "audience": found.audience and found.audience.name,
        "permission": way and way.permission,
        "path": way and spell(way.subject),
        "how": way and way.text,
        "default": way and way.default,
        "since": found.beginning and _moment(found.beginning.at),
        "since_before": found.beginning and found.beginning.before,
        "granted_by": by and opaque.encode(User, by),
        "granted_at": way and way.granted_at and _moment(way.granted_at),
        "tried": [
            {
                "audience": each.audience.name,
                "permission": each.audience.permission,
                "why_not": each.why,
            }
            for each in found.tried
        ],
        "obstacles": list(found.obstacles),
        "changes": list(found.changes),
        "etag": found.seen and found.seen.etag,
    }


def shown(found: Explanation) -> dict[str, Any]:
    """Return the values that the person asking is shown alike, and the names of other fields."""
    theirs, own = _body(found.seen), _body(found.by_reader)
    same = {name: value for name, value in theirs.items() if name in own and own[name] == value}
    return {"payload": same, "hidden": [name for name in theirs if name not in same]}


def _body(seen: Any) -> dict[str, Any]:
    body: dict[str, Any] = {} if seen is None or seen.body is None else orjson.loads(seen.body)
    return body


def _id(found: Explanation) -> str:
    return opaque.encode(found.resource.model, found.pk)


def _moment(at: Any) -> Any:
    return serializers.DateTimeField().to_representation(at)

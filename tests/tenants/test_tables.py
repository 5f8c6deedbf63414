"""Names of tables that triggers cannot follow are told, with why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from tenants.tables import why_not_made, why_not_named


def model(**meta: Any) -> Any:
    given = {"db_table": "t", "required_db_vendor": None, "required_db_features": ()}
    return SimpleNamespace(_meta=SimpleNamespace(**{**given, **meta}))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("a table", ""),
        ("it's Ünder", ""),
        ('"s"."t"', "quotes or a schema"),
        ("s.t", "quotes or a schema"),
        ("100%", "parameters"),
        ("{t}", "parameters"),
        ("t" * 63, ""),
        ("ü" * 32, "more than 63 bytes"),
    ],
)
def test_name_that_statements_cannot_have_is_told(
    table: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection.ops, "max_name_length", lambda: 63)
    found = why_not_named(model(db_table=table))
    assert reason in found
    assert bool(reason) == bool(found)


def test_where_names_have_any_length_none_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.ops, "max_name_length", lambda: None)
    assert why_not_named(model(db_table="t" * 64)) == ""


def test_table_that_django_makes_elsewhere_only_is_told() -> None:
    assert why_not_made(model()) == why_not_made(model(required_db_vendor=connection.vendor)) == ""
    assert "oracle only" in why_not_made(model(required_db_vendor="oracle"))
    assert why_not_made(model(required_db_features=["can_rollback_ddl"])) == ""
    assert "nothing_such" in why_not_made(model(required_db_features=["nothing_such"]))

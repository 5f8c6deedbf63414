"""What a database says of a refused write, and what is told of it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DatabaseError, DataError, IntegrityError, OperationalError, models
from django.db.models.functions import Lower, Upper

from tenants.refusals import Conflict, StillNeeded, _fields_of, refusal

WRITTEN = {"title": "heading", "shelf": "place", "shelf_id": "place"}


class SaidByPostgresql(Exception):
    """What psycopg raises, as far as it is looked at."""

    def __init__(self, sqlstate: str, **said: str) -> None:
        super().__init__("the text holds values: title")
        self.sqlstate = sqlstate
        known = {"constraint_name": None, "column_name": None, "message_detail": None}
        self.diag = SimpleNamespace(**(known | said), sqlstate=sqlstate)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def told(error: Exception, written: Mapping[str, str] = WRITTEN) -> tuple[int, Any]:
    refused = refusal(error, written)
    assert refused is not None
    return refused.status_code, refused.detail


FREE = ["Not an allowed value."]
OURS = ["Must be unique."]

SAID: list[tuple[str, dict[str, str], dict[str, list[str]] | None]] = [
    ("23505", {"message_detail": "Key (title)=(shelf_id) already exists."}, {"heading": FREE}),
    ("23505", {"message_detail": "Key (tenant_id, title)=(1, a) exists."}, {"heading": OURS}),
    ("23505", {"message_detail": "(tenant_id, title)=(1, a) existiert."}, {"heading": OURS}),
    ("23503", {"message_detail": 'Key (shelf_id)=(9) is not present in "s".'}, {"place": FREE}),
    ("23502", {"column_name": "title"}, {"heading": FREE}),
    ("23505", {"message_detail": "Key (hidden)=(title) already exists."}, None),
    ("23505", {"message_detail": "Key (lower(title::text))=(title) already exists."}, None),
    ("23514", {"constraint_name": "no_such"}, None),
    ("23P01", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("state", "said", "named"), SAID)
def test_postgresql_names_columns_and_the_body_its_own(
    state: str, said: dict[str, str], named: dict[str, list[str]] | None
) -> None:
    error = caused(IntegrityError(), SaidByPostgresql(state, **said))
    if named is None:
        assert told(error) == (409, Conflict.default_detail)
    else:
        assert told(error) == (400, named)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("UNIQUE constraint failed: t.title", {"heading": FREE}),
        ("UNIQUE constraint failed: t.tenant_id, t.title", {"heading": OURS}),
        ("NOT NULL constraint failed: t.shelf_id", {"place": FREE}),
        ("FOREIGN KEY constraint failed", None),
        ("CHECK constraint failed: no_such", None),
        ("what a trigger said", None),
    ],
)
def test_sqlite_names_columns_too(text: str, named: dict[str, list[str]] | None) -> None:
    error = caused(IntegrityError(text), Exception(text))
    expected = (409, Conflict.default_detail) if named is None else (400, named)
    assert told(error) == expected


def test_data_that_no_column_takes_is_the_only_field_that_was_written() -> None:
    error = caused(DataError(), SaidByPostgresql("22003"))
    assert told(error, {"title": "heading"}) == (400, {"heading": FREE})
    assert told(error) == (409, Conflict.default_detail)
    assert told(error, {}) == (409, Conflict.default_detail)


def test_what_a_trigger_raises_is_a_conflict_and_an_outage_is_not() -> None:
    raised = caused(DatabaseError(), SaidByPostgresql("P0001"))
    assert told(raised) == (409, Conflict.default_detail)
    assert refusal(caused(DatabaseError(), SaidByPostgresql("42601")), WRITTEN) is None
    assert refusal(OperationalError(), WRITTEN) is None
    assert refusal(ZeroDivisionError(), WRITTEN) is None


@pytest.mark.parametrize("kind", [models.ProtectedError, models.RestrictedError])
def test_object_that_is_referred_to_is_still_needed(kind: Any) -> None:
    refused = refusal(kind("secret names", {object()}), WRITTEN)
    assert isinstance(refused, StillNeeded)
    assert refused.status_code == 409
    assert "secret" not in str(refused.detail)


def test_models_own_validation_names_fields_of_the_body_only() -> None:
    by_field = ValidationError({"title": ["Too plain."], "hidden": ["Is 5."]})
    assert told(by_field) == (400, {"heading": ["Too plain."]})
    assert told(by_field, {}) == (400, {"non_field_errors": ["Not allowed."]})
    assert told(ValidationError("Hidden is 5.")) == (400, {"non_field_errors": ["Not allowed."]})
    assert told(ValidationError({NON_FIELD_ERRORS: ["Hidden."]}))[1] == {
        "non_field_errors": ["Not allowed."]
    }


def test_constraint_is_about_all_fields_that_it_mentions() -> None:
    q = models.Q(c=1) & models.Q(d__gt=models.F("e"))
    constraints: list[Any] = [
        models.UniqueConstraint(fields=["a", "b"], condition=q, name="x"),
        models.UniqueConstraint(Lower("a"), Upper(models.F("b")).desc(), name="x"),
        models.UniqueConstraint("a", name="x"),
        models.CheckConstraint(condition=q, name="x"),
        ExclusionConstraint(
            expressions=[("a", RangeOperators.OVERLAPS), (models.F("b"), "=")],
            name="x",
            condition=q,
        ),
    ]
    found = [{f for f in _fields_of(c) if len(f) == 1} for c in constraints]
    assert found == [set("abcde"), set("ab"), {"a"}, set("cde"), set("abcde")]

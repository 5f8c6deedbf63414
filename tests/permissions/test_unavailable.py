"""What cannot be shown is told once, by names alone."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from psycopg import errors

from permissions import unavailable
from permissions.audiences import Audience
from resources.documents.audiences import DOCUMENTS
from resources.models import Document
from tenants import opaque

OWNER, EDITOR, *_ = DOCUMENTS.audiences


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    unavailable._told.clear()


def tell(pk: int, audience: Audience = OWNER, kind: type[Exception] = ValueError) -> None:
    try:
        raise kind("a value")
    except Exception as error:
        unavailable.tell(DOCUMENTS, audience, pk, error)


def test_each_object_audience_and_kind_of_error_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    count = unavailable.UNAVAILABLE.labels(DOCUMENTS.label, "owner")._value
    before = count.get()
    for _ in range(2):
        tell(1)
        tell(2)
        tell(1, EDITOR)
        tell(1, kind=KeyError)
    assert len(caplog.messages) == 4
    assert count.get() == before + 3
    assert opaque.encode(Document, 1) in caplog.messages[0]
    assert "audience owner: ValueError at" in caplog.messages[0]
    assert f"{__file__}:" in caplog.messages[0]
    assert "a value" not in caplog.text


def test_what_is_remembered_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(unavailable, "REMEMBERED", 2)
    for pk in (1, 2, 1, 3, 1, 2):
        tell(pk)
    assert len(unavailable._told) == 2
    assert len(caplog.messages) == 4  # 2 was forgotten for 3, for it was told longest ago


def test_an_object_without_an_id_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    tell(-1)
    assert "with a key that has no id" in caplog.text


@pytest.mark.django_db
def test_statement_too_complex_for_postgresql_is_one_objects_failure() -> None:
    """A serializer's own query of that kind failed the round of its whole tenant."""
    error = OperationalError("stack depth limit exceeded")
    error.__cause__ = errors.StatementTooComplex("stack depth limit exceeded")
    unavailable.raise_database_s(error)
    error.__cause__ = errors.AdminShutdown("terminating connection")
    with pytest.raises(OperationalError):
        unavailable.raise_database_s(error)

"""Texts of generic tables, and the keys that they name: those of which they are the `str`."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection, models
from guardian.models import UserObjectPermissionBase

from permissions.audiences import Resource
from permissions.grant_tables import GROUP, USER, GrantTable, parsed, spelled
from permissions.model_checks import check_tables
from resources.models import Document
from tenants.keys import converter, parameter
from tests.keyed.models import Named, Unique

UUID = uuid.UUID("0123fedc-0000-4000-8000-00000000beef")
KEYS = [
    (Document, "0", 0),
    (Document, "1", 1),
    (Document, "9223372036854775807", 2**63 - 1),
    (Document, "1000000000000000000", 10**18),
    *((Document, text, None) for text in ("", "007", "-1", "+1", "1 ", "1.0", "x", "9" * 19)),
    *((Document, text, None) for text in ("9223372036854775808", "9" * 40, "٣")),
    (Unique, str(UUID), UUID),
    (Unique, UUID.hex, None),
    (Unique, str(UUID).upper(), None),
    (Unique, "0123fedc0-000-4000-8000-00000000beef", None),
    (Unique, "0123fedc-0000-4000-8000-00000000bee-", None),
    (Named, "Ünder '1'", "Ünder '1'"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "text", "key"), KEYS)
def test_text_names_a_key_or_nothing(model: Any, text: str, key: Any) -> None:
    cast = "CAST(%(text)s AS text)"
    sql = parsed(model, connection.vendor, cast)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", {"text": text})
        [found] = cursor.fetchone()
        read = converter(model, connection)
        assert (read(found) if read and found else found) == key
        if key is not None:
            kind = model._meta.pk.cast_db_type(connection)
            column = spelled(model, connection.vendor, f"CAST(%(key)s AS {kind})")
            cursor.execute(f"SELECT {column}", {"key": parameter(key, connection)})
            assert cursor.fetchone() == (text,)


class Coded(models.Model):
    code = models.CharField(max_length=9, unique=True)

    class Meta:
        app_label = "checked"


class ByCode(UserObjectPermissionBase):
    content_object = models.ForeignKey(Coded, models.CASCADE, to_field="code")

    class Meta(UserObjectPermissionBase.Meta):
        app_label = "checked"


class ById(UserObjectPermissionBase):
    """A table of somebody who did not know of us, with columns as they liked."""

    key = models.UUIDField(primary_key=True)
    content_object = models.ForeignKey(Coded, models.CASCADE, db_column="coded")

    class Meta(UserObjectPermissionBase.Meta):
        app_label = "checked"


def test_table_that_cannot_be_read_says_why() -> None:
    assert GrantTable(ByCode, Coded, USER).why_not() == "it refers to code"
    own = GrantTable(ById, Coded, USER)
    assert own.why_not() == "its own keys are no integers"
    assert (own.is_attributed, own.columns["object"]) == (False, "coded")
    assert own.row(1, 2, 3, {"purpose": "none"}).content_object_id == 3


def test_check_says_which_table_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = Resource(model=Document, audiences=())
    tables = (GrantTable(ByCode, Coded, USER), GrantTable(ByCode, Coded, GROUP))
    for name, found in (("grant_tables", tables), ("user_tables", tables[:1])):
        monkeypatch.setitem(resource.__dict__, name, found)
    assert [message.id for message in check_tables(resource)] == ["earshot.E065"] * 2

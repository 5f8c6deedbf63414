"""What the doctor sees in models of other projects, and of a broker that is away."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from realtime import diagnosis
from realtime.diagnosis import captured, indexed, reachable
from resources.models import Document
from tests.keyed.place import installed, keyed
from tests.world import World

__all__ = ["installed", "keyed"]


@pytest.mark.django_db(transaction=True)
def test_models_of_others_are_told_with_what_they_lack(keyed: World) -> None:
    said = {f.text for f in (*captured(), *indexed()) if f.is_good}
    beside = "is captured: versions beside its rows"
    assert f"keyed.book {beside}, its tenant is found by 'shelf__tenant'." in said
    assert f"keyed.loose {beside}, all of it is in one tenant." in said
    assert "keyed.paper has an index that begins with 'tenant_id'." in said
    with connection.cursor() as cursor:
        [index] = [
            name
            for name, found in connection.introspection.get_constraints(cursor, "a paper").items()
            if found["columns"] == ["tenant_id"] and found["index"]
        ]
        cursor.execute(f'DROP INDEX "{index}"')
    line = 'keyed.paper has no index by \'tenant_id\': add Index(fields=["tenant", "id"], …).'
    assert (False, line) in [(f.is_good, f.text) for f in indexed()]


@pytest.mark.django_db
def test_table_that_is_not_there_by_its_very_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Document._meta, "db_table", "Resources_Document")
    said = [f.text for f in captured() if not f.is_good]
    line = "resources.document is not captured: there is no table 'Resources_Document'."
    assert any(text.startswith(line) for text in said)


def test_broker_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise ConnectionError("refused")

    monkeypatch.setattr(diagnosis, "get_channel_layer", away)
    [found] = reachable()
    assert not found.is_good
    assert "ConnectionError('refused')" in found.text

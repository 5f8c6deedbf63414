"""Rendering knows the object and the audience, and nothing of who asks, where and when."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac

from permissions.audiences import Audience
from permissions.rendering import SERIALIZATIONS, etag, payload, plainly, render
from permissions.representation import ObjectKey
from resources.audiences import DOCUMENTS
from resources.documents.models import Document
from tenants import opaque

ZONES = ("UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati")
LANGUAGES = ("en", "de", "ar", "fa")
THREADS = 4


def document(**fields: Any) -> Document:
    """An unsaved document with everything that payloads need."""
    made = Document(
        pk=5,
        tenant_id=1,
        version=9,
        title="Überblick",
        body="<b>",
        due_on=date(2026, 3, 1),
        budget=Decimal("1234567.50"),
        created_at=datetime(2026, 1, 1, 23, 30, tzinfo=UTC),
        updated_at=datetime(2026, 1, 2, 0, 0, 0, 5, tzinfo=UTC),
        **fields,
    )
    made.owner_name = "Olga"  # type: ignore[attr-defined]
    return made


def body_as_seen_by(reader: tuple[str, str, Audience]) -> tuple[str, bytes | None]:
    """What a reader in this time zone, with this language, gets."""
    zone, language, audience = reader
    with timezone.override(ZoneInfo(zone)), translation.override(language):
        body = render(DOCUMENTS, audience, document(), 3).body
        assert timezone.get_current_timezone_name() == zone
        assert translation.get_language() == language
    return audience.name, body


def test_bytes_are_the_same_for_every_reader() -> None:
    """In any time zone, language and thread, however often: one body for each audience."""
    readers = list(product(ZONES, LANGUAGES, DOCUMENTS.audiences)) * 2
    with ThreadPoolExecutor(THREADS) as executor:
        bodies = set(executor.map(body_as_seen_by, readers))
    assert len(bodies) == len(DOCUMENTS.audiences)


def test_time_zone_and_language_are_set_once_for_many() -> None:
    owner = DOCUMENTS.audiences[0]
    with mock.patch.object(translation, "activate", wraps=translation.activate) as activate:
        with plainly():
            seen = {payload(owner, document())["updated_at"] for _ in range(9)}
        assert activate.mock_calls == [mock.call("en"), mock.call("en-us")]
    assert seen == {"2026-01-02T00:00:00.000005Z"}


def test_nobody_asks_for_zone_and_language_again_while_nothing_is_set() -> None:
    """To ask takes as long as a payload; what is set besides is looked at once."""
    owner, other = DOCUMENTS.audiences[0], ContextVar("other", default=0)
    with (
        plainly(),
        mock.patch.object(timezone, "get_current_timezone", return_value=UTC) as asked,
    ):
        payload(owner, document())  # the first decimal sets its context
        asked.reset_mock()
        shown = [payload(owner, document()) for _ in range(9)]
        assert asked.call_count == 0
        other.set(1)
        shown += [payload(owner, document()) for _ in range(9)]
        assert asked.call_count == 1
    assert {each["updated_at"] for each in shown} == {"2026-01-02T00:00:00.000005Z"}


def test_times_of_another_zone_are_shown_in_utc() -> None:
    made = document()
    made.updated_at = datetime(2026, 1, 2, 5, 30, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert payload(DOCUMENTS.audiences[0], made)["updated_at"] == "2026-01-02T00:00:00Z"


def test_what_a_payload_sets_does_not_reach_the_next_one() -> None:
    """A field may set a time zone or a language, and leave it so."""
    with plainly():
        for zone, language in product(ZONES, LANGUAGES):
            timezone.activate(ZoneInfo(zone))
            translation.activate(language)
            shown = payload(DOCUMENTS.audiences[0], document())
            assert shown["updated_at"] == "2026-01-02T00:00:00.000005Z"
            with plainly():
                assert timezone.get_current_timezone_name() == "UTC"
                assert translation.get_language() == "en"


@pytest.mark.parametrize("audience", DOCUMENTS.audiences, ids=lambda audience: audience.name)
def test_payload_has_the_declared_fields_in_their_order(audience: Audience) -> None:
    assert tuple(payload(audience, document())) == audience.fields


def test_owner_payload_value_for_value() -> None:
    seen = render(DOCUMENTS, DOCUMENTS.audiences[0], document(), 3)
    assert json.loads(seen.body or b"") == {
        "id": opaque.encode(Document, 5),
        "title": "Überblick",
        "body": "<b>",
        "status": "draft",
        "owner_name": "Olga",
        "updated_at": "2026-01-02T00:00:00.000005Z",
        "review_notes": "",
        "due_on": "2026-03-01",
        "budget": "1234567.50",
    }


def test_representation_says_what_it_is() -> None:
    owner = DOCUMENTS.audiences[0]
    seen = render(DOCUMENTS, owner, document(), 3)
    assert (seen.tenant_id, seen.key) == (1, ObjectKey("resources.document", 5))
    assert (seen.audience, seen.version, seen.revision) == ("owner", 9, 3)
    assert seen.schema == owner.schema
    assert seen.etag == etag(1, seen.key, "owner", seen.body or b"")


def test_every_rendering_is_counted() -> None:
    counter = SERIALIZATIONS.labels("resources.document", "viewer")
    before = counter._value.get()
    render(DOCUMENTS, DOCUMENTS.audiences[2], document(), 3)
    assert counter._value.get() == before + 1


def test_etag_changes_with_everything_that_it_names() -> None:
    key = ObjectKey("resources.document", 5)
    first = etag(1, key, "owner", b"{}")
    others = [
        etag(2, key, "owner", b"{}"),
        etag(1, ObjectKey("resources.profile", 5), "owner", b"{}"),
        etag(1, ObjectKey("resources.document", 6), "owner", b"{}"),
        etag(1, key, "editor", b"{}"),
        etag(1, key, "owner", b"[]"),
    ]
    assert first == etag(1, key, "owner", b"{}")
    assert len({first, *others}) == 6
    assert all(len(tag) == 32 and tag.isalnum() for tag in (first, *others))


def test_etag_is_django_s_keyed_digest() -> None:
    named = b"1/resources.document/5/owner/{}"
    expected = salted_hmac("earshot.etag", named, algorithm="sha256").hexdigest()
    assert etag(1, ObjectKey("resources.document", 5), "owner", b"{}") == expected[:32]


def test_etag_is_no_test_for_a_guess(settings: Any) -> None:
    key = ObjectKey("resources.document", 5)
    ours = etag(1, key, "owner", b"{}")
    settings.SECRET_KEY = "another"
    assert etag(1, key, "owner", b"{}") != ours


def test_etag_of_an_audience_is_silent_about_what_it_does_not_see() -> None:
    def tag(number: int, **fields: Any) -> str:
        changed = document()
        changed.version = number
        for name, value in fields.items():
            setattr(changed, name, value)
        return render(DOCUMENTS, DOCUMENTS.audiences[2], changed, number).etag

    assert tag(9) == tag(10, budget=None, review_notes="secret", due_on=None)
    assert tag(9) != tag(9, body="")

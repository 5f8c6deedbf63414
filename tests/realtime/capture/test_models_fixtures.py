"""`loaddata` writes past `save`; what it writes is recorded all the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import IntegrityError, transaction

from realtime.capture.committed import Committed
from resources.models import Document
from tenants.models import Tenant
from tests.realtime.recorded import Recording, changes_of, stored

pytestmark = pytest.mark.django_db


def dump(document: Document, **fields: Any) -> str:
    """A fixture of the document, with other values."""
    [row] = json.loads(serializers.serialize("json", [document]))
    row["pk"] = fields.pop("id", row["pk"])
    # Django's JSON drops the microseconds.
    times = {name: getattr(document, name).isoformat() for name in ("created_at", "updated_at")}
    row["fields"].update(times | fields)
    return json.dumps([row])


def load(folder: Path, text: str) -> None:
    (folder / "fixture.json").write_text(text)
    call_command("loaddata", folder / "fixture.json", verbosity=0)


def test_fixture_of_a_stored_object_is_recorded_as_its_change(
    document: Document, tmp_path: Path
) -> None:
    recording = Recording(document)
    load(tmp_path, dump(document, title="B", version=1))
    assert recording.shows(["title", "updated_at"])
    assert stored(document).title == "B"


def test_fixture_that_changes_nothing_records_nothing(document: Document, tmp_path: Path) -> None:
    recording = Recording(document)
    load(tmp_path, dump(document, version=10**9))
    assert recording.shows()


def test_fixture_of_a_new_object_gets_the_first_version(document: Document, tmp_path: Path) -> None:
    load(tmp_path, dump(document, id=10**6, version=1))
    loaded = Document.objects.get(tenant=document.tenant, pk=10**6)
    assert changes_of(loaded) == [(loaded.version, None)]
    assert loaded.version > document.version


def test_fixture_cannot_move_an_object_to_another_tenant(
    document: Document, tmp_path: Path
) -> None:
    globex = Tenant.objects.create(slug="globex", name="Globex")
    with pytest.raises(IntegrityError), transaction.atomic():
        load(tmp_path, dump(document, tenant=globex.pk))
    assert stored(document).tenant == document.tenant


@pytest.mark.django_db(transaction=True)
def test_deserialized_object_saved_outside_a_transaction_is_announced(
    told: list[Committed], document: Document
) -> None:
    recording = Recording(document)
    told.clear()
    for changed in (dump(document, title="B"), dump(document, id=10**6)):
        for deserialized in serializers.deserialize("json", changed):
            deserialized.save()
    assert recording.shows(["title", "updated_at"])
    assert document.pk in {key.pk for committed in told for _, key in committed.changed}

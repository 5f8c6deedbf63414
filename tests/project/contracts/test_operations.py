"""Calls that the sample's declarations do not have are described too."""

from __future__ import annotations

from dataclasses import replace

from permissions.audiences import Audience
from permissions.serializers import AudienceSerializer
from project.contracts.operations import _filter
from project.contracts.payloads import schemas
from resources.audiences import DOCUMENTS
from resources.models import Document
from tests.contracts import contracts


class Counted(AudienceSerializer):
    class Meta:
        model = Document
        fields = ("id", "version")


def test_filter_by_a_number_takes_numbers() -> None:
    viewer = Audience("viewer", "view_document", Counted)
    resource = replace(DOCUMENTS, audiences=(viewer,), filters=("version",))
    assert _filter(resource, {"name": "version"})["schema"]["items"] == {"type": "number"}
    assert _filter(resource, {"name": "limit"}) == {"name": "limit"}


def test_resource_that_nobody_writes_has_no_bodies() -> None:
    described = contracts().openapi["components"]["schemas"]["Document"]
    readers = tuple(replace(audience, writes=()) for audience in DOCUMENTS.audiences)
    found = schemas(replace(DOCUMENTS, audiences=readers), lambda *_: dict(described))
    assert not [name for name in found if name.endswith(("Put", "Patch", "Post"))]

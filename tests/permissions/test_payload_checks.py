"""Payloads that cannot be built, and rows whose changes nobody would notice, are refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.checks import run_checks
from django.db import models
from rest_framework import serializers

from permissions.audiences import Audience, Resource, Shows, registry
from permissions.payload_checks import check_built, check_shows, permissions_of
from permissions.serializers import AudienceSerializer
from resources.documents.audiences import DOCUMENTS
from tenants.models import User


class Shown(models.Model):
    title = models.CharField(max_length=9)
    kind = models.ForeignKey(ContentType, models.CASCADE, related_name="+")
    number = models.IntegerField()
    thing = GenericForeignKey("kind", "number")
    people = models.ManyToManyField(User, related_name="+")

    class Meta:
        app_label = "paid"
        default_permissions = ("add", "view")
        permissions = (("look", "May look"),)

    def __str__(self) -> str:
        return self.title


class Child(Shown):
    more = models.CharField(max_length=9)

    class Meta:
        app_label = "paid"


class Seen(Shown):
    class Meta:
        app_label = "paid"
        proxy = True


class Dated(models.Model):
    title = models.CharField(max_length=9)
    day = models.DateField(primary_key=True)

    class Meta:
        app_label = "paid"

    def __str__(self) -> str:
        return self.title


class Abstract(models.Model):
    title = models.CharField(max_length=9)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


def showing(model: Any, *fields: str, by: str = "owner") -> Resource:
    shows = Shows("more", model, fields, find=lambda rows: models.QuerySet(Shown), by=(by,))
    return Resource(model=DOCUMENTS.model, audiences=DOCUMENTS.audiences, shows=(shows,))


@pytest.mark.parametrize(
    ("model", "field", "by", "reason"),
    [
        (Shown, "title", "owner", ""),
        (Seen, "title", "owner", ""),
        (Child, "more", "owner", ""),
        (Child, "title", "owner", "'title' is no column of its table"),
        (Shown, "tilte", "owner", "'tilte' is no column of its table"),
        (Shown, "thing", "owner", "'thing' is no column of its table"),
        (Shown, "people", "owner", "'people' is no column of its table"),
        (Shown, "title", "onwer", "'onwer' in `by` is no field of the object"),
        (Dated, "title", "owner", "neither an integer, a UUID nor a text"),
        (Abstract, "title", "owner", "it has no table"),
    ],
)
def test_row_whose_changes_would_not_be_noticed_is_refused(
    model: Any, field: str, by: str, reason: str
) -> None:
    found = [*check_shows(showing(model, field, by=by))]
    assert [reason in each.msg for each in found] == [True] * bool(reason)
    assert {each.id for each in found} <= {"earshot.E079"}


def audience(*fields: str, **inside: Any) -> Audience:
    meta = type("Meta", (), {"model": Shown, "fields": fields})
    return Audience("reader", "look", type("S", (AudienceSerializer,), {"Meta": meta, **inside}))


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        (audience("title"), ""),
        (audience("tilte"), "`tilte` is not valid for model `Shown`"),
        (audience("title", more=serializers.CharField()), "'more' was declared"),
    ],
)
def test_payload_of_fields_that_are_not_there_is_refused(reader: Audience, reason: str) -> None:
    found = [each.msg for each in check_built(reader)]
    assert [reason in message for message in found] == [True] * bool(reason)


@pytest.mark.django_db
def test_no_check_fails_where_another_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = Dated
    wrong = Resource(model=model, audiences=(audience("tilte"),), holders={"onwer": "reader"})
    monkeypatch.setattr(registry, "_resources", {wrong.label: wrong})
    found = {message.id for message in run_checks(databases=["default"])}
    assert {"earshot.E078", "earshot.E060", "earshot.E016"} <= found


def test_permissions_are_those_that_django_makes() -> None:
    assert permissions_of(Shown) == {"add_shown", "view_shown", "look"}

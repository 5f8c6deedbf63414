"""Each wrong declaration of the project's tenants and members is told, with the line to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.db import models
from django.test import override_settings

from tenants import hosted
from tenants.hosted_checks import check_hosted
from tests.housed.place import DECLARED

TENANTS: Final = DECLARED["EARSHOT_TENANT_FIELDS"]
MEMBERS: Final = DECLARED["EARSHOT_MEMBERSHIP"]


@pytest.fixture
def app() -> Iterator[None]:
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "tests.housed"]):
        yield
    apps.clear_cache()


def told(**changed: Any) -> list[tuple[str | None, str, str]]:
    with override_settings(**{**DECLARED, **changed}):
        return [(each.id, each.msg, str(each.hint)) for each in check_hosted()]


def members(**changed: Any) -> dict[str, Any]:
    return {"EARSHOT_MEMBERSHIP": {**MEMBERS, **changed}}


def tenants(**changed: Any) -> dict[str, Any]:
    return {"EARSHOT_TENANT_FIELDS": {**TENANTS, **changed}}


def model(label: Any) -> dict[str, Any]:
    return {"EARSHOT_TENANT_MODEL": label, "EARSHOT_TENANT_FIELDS": {}}


WRONG: Final = {
    "no model of tenants": ({"EARSHOT_TENANT_MODEL": ""}, "E050", 'TENANT_MODEL = "app.Model"'),
    "a model that is none": (model("housed.Hose"), "E050", '"app.Model"'),
    "a label that is none": (model("House"), "E050", '"app.Model"'),
    "our own model": (model("earshot_tenants.Tenant"), "E050", "leave"),
    "a key that is too long": (model("housed.Long"), "E050", "such a key"),
    "a key of another kind": (model("housed.Timed"), "E050", "such a key"),
    "a proxy": (model("housed.Seeming"), "E056", "that has the rows"),
    "a table with a schema": (model("housed.Quoted"), "E056", "that has the rows"),
    "an unknown key of tenants": (tenants(nmae="title"), "E057", "'name'"),
    "no column": (tenants(name="tilte"), "E051", "title"),
    "a slug that is shared": (tenants(slug="title"), "E051", "unique SlugField"),
    "a condition on no column": (tenants(active_while={"closed": None}), "E051", "closed_at"),
    "a time to compare": (tenants(active_while={"closed_at": "2026"}), "E058", "or None"),
    "an unknown key of members": (members(rank="level"), "E057", "'role'"),
    "no user": ({"EARSHOT_MEMBERSHIP": {"model": "housed.Employment", "tenant": "house"}},
                "E052", '"user": "…"'),
    "a model of members that is none": (members(model="housed.Job"), "E052", '"app.Model"'),
    "a tenant that is none": (members(tenant="person"), "E053", '"tenant"'),
    "a user who is none": (members(user="level"), "E053", '"user"'),
    "users whose tenant is none": (
        {"EARSHOT_MEMBERSHIP": {"model": "earshot_tenants.User", "tenant": "last_login",
                                "user": "id"}}, "E053", '"tenant"',
    ),
    "a parent's key as the tenant's": (
        {**model("housed.Cottage"),
         "EARSHOT_MEMBERSHIP": {"model": "housed.Building", "tenant": "id", "user": "id"}},
        "E053", '"tenant"',
    ),
    "a user of no column": (members(user="human"), "E051", "person"),
    "roles without a role": ({"EARSHOT_MEMBERSHIP": {k: v for k, v in MEMBERS.items()
                              if k != "role"}}, "E054", "or neither"),
    "a role of ours that is none": (members(roles={**MEMBERS["roles"], 1: "worker"}),
                                    "E054", "'member'"),
    "a role that means nothing": (members(roles={9: "admin", 1: "member"}), "W055", '5: "member"'),
    "a value of another type": (members(roles={**MEMBERS["roles"], "x": "member"}),
                                "E058", "as the column has them"),
    "a model instead of its label": (model(models.Model), "E050", '"app.Model"'),
    "a number instead of a label": (model(5), "E050", '"app.Model"'),
    "fields in a text": ({"EARSHOT_TENANT_FIELDS": "slug"}, "E057", '{"name": "…"}'),
    "fields in a list": ({"EARSHOT_TENANT_FIELDS": [("slug", "short")]}, "E057", '{"name": "…"}'),
    "a slug that is no text": (tenants(slug=["short"]), "E051", "short"),
    "no name": (tenants(name=None), "E051", "title"),
    "a condition in a text": (tenants(active_while="closed_at"), "E057", '{"field": value}'),
    "members in a text": ({"EARSHOT_MEMBERSHIP": "housed.Employment"}, "E052", '"model": '),
    "members' model instead of its label": (members(model=models.Model), "E052", '"app.Model"'),
    "members' condition in a list": (members(active_while=["resting"]), "E057", "value}"),
    "roles in a list": (members(roles=["admin", "member"]), "E054", '{value: "member"}'),
    "roles in a text": (members(roles="admin"), "E054", '{value: "member"}'),
    "no roles at all": (members(roles={}), "E054", '{value: "member"}'),
    "roles that are no texts": (members(roles={9: ["admin"], 5: None, 1: 2}), "E054", "'member'"),
    "a role of no name": (members(role=7), "E051", "level"),
    "a role without a column": (members(role=""), "E051", "level"),
    "a condition on two values": (members(active_while={"level": (1, 5)}), "E058", "numbers"),
    "a condition that is no boolean": (members(active_while={"resting": 0}), "E058", "True"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_declaration_is_told_with_its_line(app: None, name: str) -> None:
    changed, id, line = WRONG[name]
    assert [(each[0], line in each[2]) for each in told(**changed)][:1] == [(f"earshot.{id}", True)]


@pytest.mark.each_case
@pytest.mark.parametrize("name", WRONG)
@pytest.mark.django_db
def test_check_tells_it_and_fails_in_no_other_way(app: None, name: str) -> None:
    """What else is checked reads the same settings."""
    changed, id, _ = WRONG[name]
    with override_settings(**{**DECLARED, **changed}):
        messages = run_checks(databases=["default"])
    assert f"earshot.{id}" in {message.id for message in messages}


def test_right_ones_say_nothing(app: None) -> None:
    assert told() == []
    assert check_hosted() == []
    assert told(EARSHOT_MEMBERSHIP=None) == []
    plain = {k: v for k, v in MEMBERS.items() if k in ("model", "tenant", "user")}
    assert told(EARSHOT_TENANT_FIELDS={}, EARSHOT_MEMBERSHIP=plain) == []
    with override_settings(**{**DECLARED, "EARSHOT_MEMBERSHIP": plain}):
        found = hosted.members()
        assert found is not None
        assert found.watched == ("house_id", "the person")


class Timed(models.Model):
    """Its key is a time."""

    at = models.DateTimeField(primary_key=True)

    class Meta:
        app_label = "housed"


class Quoted(models.Model):
    """Its table is in a schema."""

    class Meta:
        app_label = "housed"
        db_table = 'other"."quoted'


class Seeming(Quoted):
    """It has no table."""

    class Meta:
        app_label = "housed"
        proxy = True


class Building(models.Model):
    """Only some are tenants."""

    class Meta:
        app_label = "housed"


class Cottage(Building):
    """A tenant, whose key is its building's."""

    class Meta:
        app_label = "housed"


class Long(models.Model):
    """Its key is longer than a slug."""

    name = models.CharField(primary_key=True, max_length=51)

    class Meta:
        app_label = "housed"

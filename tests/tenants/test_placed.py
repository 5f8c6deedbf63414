"""Links to rows whose tenant is the project's own, or found by a path, stay in the tenant."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.forms import inlineformset_factory, modelform_factory
from django.test import RequestFactory
from rest_framework import serializers

from tenants.forms import TenantModelForm
from tenants.models import Tenant
from tenants.placed import elsewhere, here, placed_in
from tests.housed.models import Label
from tests.housed.place import Bulb, Lamp, Shade, house, housed, installed, person
from tests.project.console.test_admin import operator
from tests.world import World

__all__ = ["housed", "installed"]

pytestmark = pytest.mark.django_db(transaction=True)
LINKS = ("lamp", "bulb", "bulbs")
ABSENT = 10**6


def villa() -> Tenant:
    return Tenant.objects.get(slug="villa")


def row(link: str, short: str = "villa") -> Any:
    """A row to which this link may lead, in this house."""
    lamp = Lamp.objects.create(tenant=house(short))
    return lamp if link == "lamp" else Bulb.objects.create(lamp=lamp)


def sent(link: str, pk: Any) -> dict[str, Any]:
    return {link: [pk] if link == "bulbs" else pk}


def made(model: Any = Label, base: Any = TenantModelForm, **more: Any) -> Any:
    return modelform_factory(model, form=base, fields=more.pop("fields", LINKS), **more)


@pytest.mark.parametrize("link", LINKS)
def test_form_offers_rows_of_its_objects_tenant_only(housed: World, link: str) -> None:
    mine, others = row(link), row(link, "hut")
    label = Label.objects.create(tenant=villa())
    form = made()(instance=label)
    assert list(form.fields[link].queryset) == [mine]
    for instance in (label, Label(tenant=villa())):
        assert made()(sent(link, mine.pk), instance=instance).is_valid()
        refused = made()(sent(link, others.pk), instance=instance)
        assert list(refused.errors) == [link]
    assert others in made()().fields[link].queryset


@pytest.mark.parametrize("link", LINKS)
def test_form_that_names_the_tenant_itself_refuses_rows_elsewhere(housed: World, link: str) -> None:
    """Which tenant is meant is known only once the form is bound."""
    form = made(fields=("tenant", *LINKS))
    mine, others = row(link), row(link, "hut")
    assert form({"tenant": villa().pk, **sent(link, mine.pk)}).is_valid()
    refused = form({"tenant": villa().pk, **sent(link, others.pk)})
    assert list(refused.errors) == [link]


@pytest.mark.parametrize("link", ["lamp", "bulb"])
def test_model_refuses_a_link_elsewhere_like_one_to_nothing(housed: World, link: str) -> None:
    others, mine = row(link, "hut"), row(link)
    nowhere = Bulb.objects.create(lamp=None)
    label = Label(tenant=villa(), **{link: mine})
    label.full_clean()
    said = []
    for pk in (others.pk, ABSENT, *([nowhere.pk] if link == "bulb" else [])):
        setattr(label, f"{link}_id", pk)
        with pytest.raises(ValidationError) as refused:
            label.full_clean()
        said.append(str(refused.value.message_dict).replace(str(pk), "N"))
    assert len(set(said)) == 1
    assert list(made(base=forms.ModelForm)(sent(link, others.pk), instance=label).errors) == [link]


@pytest.mark.parametrize("widget", ["raw_id_fields", "autocomplete_fields", "filter_horizontal"])
def test_admins_other_widgets_take_no_more(housed: World, widget: str) -> None:
    names = ("bulbs",) if widget == "filter_horizontal" else LINKS
    site = admin.AdminSite(name="labels")
    for model in (Lamp, Bulb):
        site.register(model, type("Any", (admin.ModelAdmin,), {"search_fields": ["title"]}))
    options = {widget: names, "form": TenantModelForm, "fields": LINKS}
    ours = type("LabelAdmin", (admin.ModelAdmin,), options)(Label, site)
    request = RequestFactory().get("/")
    operator()
    request.user = person("root")
    label = Label.objects.create(tenant=villa())
    form: Any = ours.get_form(request, label)
    for name in names:
        mine, others = row(name).pk, row(name, "hut").pk
        if widget == "raw_id_fields":
            mine, others = str(mine), str(others)  # several stand in one text
        else:
            mine, others = ([pk] if name == "bulbs" else pk for pk in (mine, others))
        assert form({name: mine}, instance=label).is_valid()
        assert list(form({name: others}, instance=label).errors) == [name]


def test_inline_of_another_objects_form_takes_rows_of_its_tenant(housed: World) -> None:
    """A new row is in its tenant by the object that it is in."""
    lamp, mine, others = row("lamp"), row("bulb"), row("bulb", "hut")
    shades = inlineformset_factory(
        Lamp, Shade, form=TenantModelForm, fields=("tenant", "owner", "bulb"), extra=1
    )
    for bulb, wrong in ((mine, []), (others, ["bulb"])):
        counted = {"shade_set-TOTAL_FORMS": 1, "shade_set-INITIAL_FORMS": 0}
        values = {"tenant": house().pk, "owner": person("owner").pk, "bulb": bulb.pk}
        data = counted | {f"shade_set-0-{name}": value for name, value in values.items()}
        prefix = {key.replace("shade_set", "form"): value for key, value in data.items()}
        found = shades(prefix, instance=lamp, prefix="form")
        assert list(found.errors[0]) == wrong


def test_form_of_a_placed_object_offers_what_is_where_it_is(housed: World) -> None:
    """Also the rows by which its path leads to the tenant."""
    mine, others, lamp = row("bulb"), row("bulb", "hut"), row("lamp")
    bulbs = made(Bulb, fields=("lamp",))
    assert set(bulbs(instance=mine).fields["lamp"].queryset) == {mine.lamp, lamp}
    assert not bulbs({"lamp": others.lamp_id}, instance=mine).is_valid()
    nowhere = bulbs(instance=Bulb(lamp=None)).fields["lamp"].queryset
    assert nowhere.count() == Lamp.objects.count()
    shades = made(Shade, fields=("lamp", "bulb"))
    offered = shades(instance=Shade(tenant=house())).fields["bulb"].queryset
    assert list(offered) == [mine]


def test_serializers_related_field_is_refused_by_full_clean(housed: World) -> None:
    """Its own query set has all rows, as the page says; the model refuses them."""
    meta = type("Meta", (), {"model": Label, "fields": LINKS})
    linking = type("Linking", (serializers.ModelSerializer,), {"Meta": meta})
    body = linking(data={"lamp": row("lamp", "hut").pk, "bulb": None, "bulbs": []})
    assert body.is_valid()
    with pytest.raises(ValidationError):
        Label(tenant=villa(), lamp=body.validated_data["lamp"]).full_clean()


def test_rows_are_here_or_elsewhere(housed: World) -> None:
    mine, others, nowhere = row("bulb"), row("bulb", "hut"), Bulb.objects.create(lamp=None)
    rows: models.QuerySet[Any] = Bulb.objects.all()
    assert list(here(rows, villa().pk)) == [mine]
    assert set(elsewhere(rows, villa().pk)) == {others, nowhere}


def test_row_of_everybodys_model_is_placed_nowhere(world: World) -> None:
    assert placed_in(Group(name="crowd")) is None
    assert placed_in(Label(tenant=world.tenants["acme"])) == world.tenants["acme"].pk

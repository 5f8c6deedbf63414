"""What Django, its admin and DRF ask by themselves works on every live model.

And `objects` still raises for whoever forgets the tenant.
"""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import models
from django.db.models.base import Model
from django.forms import ModelForm, modelform_factory
from django.forms.models import model_to_dict
from django.forms.widgets import MultiWidget
from django.http import Http404
from django.shortcuts import get_list_or_404, get_object_or_404
from django.test import RequestFactory
from django.urls import path, reverse
from django.views.generic import DetailView, ListView
from pytest_django import Settings
from rest_framework import serializers

from permissions.models import Attributed
from realtime.models import LiveModel
from tenants.forms import TenantModelForm
from tenants.models import Membership
from tenants.scoping import TenantMissing
from tests.project.console.test_admin import operator
from tests.world import World

LIVE: list[Any] = [model for model in apps.get_models() if issubclass(model, LiveModel)]
LINKS = [
    relation.field
    for model in LIVE
    for relation in model._meta.get_fields(include_hidden=True)
    if relation.auto_created and not relation.concrete
]
"""Foreign keys to live models."""

every_live_model = pytest.mark.parametrize("model", LIVE, ids=lambda model: model.__name__)

plain = admin.AdminSite(name="plain")
for live in LIVE:
    plain.register(live)
urlpatterns = [path("plain/", plain.urls), path("admin/", admin.site.urls)]


def one_of(model: Any) -> Any:
    """A row of acme's."""
    return model.objects.filter(tenant__slug="acme").order_by("pk").first()


def sent_by_browser(form: Any) -> dict[str, Any]:
    """What a browser sends that changes nothing in a form."""
    sent: dict[str, Any] = {}
    for bound in form:
        value: Any = bound.value()
        widget: Any = bound.field.widget
        if isinstance(bound.field.widget, MultiWidget):
            parts = zip(widget.widgets_names, widget.decompress(value), strict=True)
            sent |= {bound.html_name + name: part for name, part in parts if part is not None}
        elif value not in (None, False):
            sent[bound.html_name] = value
    return sent


def test_there_are_live_models_and_links_to_them() -> None:
    """Else nothing here would be about anything."""
    assert {model.__name__ for model in LIVE} >= {"Document", "Profile"}
    assert {link.model.__name__ for link in LINKS} >= {"DocumentUserGrant", "ProfileGroupGrant"}


@every_live_model
def test_people_who_forget_the_tenant_are_told(model: Any) -> None:
    for forgotten in (model.objects.all(), model.objects.filter(pk=1), model.objects):
        with pytest.raises(TenantMissing):
            forgotten.count()
        with pytest.raises(TenantMissing):
            get_object_or_404(forgotten, pk=1)


# The admin


@every_live_model
@pytest.mark.parametrize("site", ["admin", "plain"])
def test_admin_lists_changes_deletes_and_adds(
    world: World, settings: Settings, model: Any, site: str
) -> None:
    settings.ROOT_URLCONF = __name__
    client, obj = operator(), one_of(model)
    registered = (admin.site if site == "admin" else plain)._registry[model]
    request = RequestFactory().get("/")
    request.user = world.user("admin")
    request.user.is_superuser = True

    def url(view: str, *args: Any) -> str:
        name = f"{model._meta.app_label}_{model._meta.model_name}_{view}"
        return reverse(f"{site}:{name}", args=args)

    assert str(obj).encode() in client.get(url("changelist")).content
    change = url("change", obj.pk)
    form = client.get(change).context["adminform"].form
    sent = sent_by_browser(form)
    assert client.post(change, {**sent, "title": "Changed"}).status_code == 302
    obj.refresh_from_db()
    assert obj.title == "Changed"
    if not registered.has_add_permission(request):
        assert client.get(url("add")).status_code == 403
        assert client.get(url("delete", obj.pk)).status_code == 403
        return
    assert client.get(url("delete", obj.pk)).status_code == 200
    assert client.post(url("delete", obj.pk), {"post": "yes"}).status_code == 302
    assert not model.unscoped.filter(pk=obj.pk).exists()
    assert client.get(url("add")).status_code == 200
    fixed = {name: getattr(obj, f"{name}_id", None) for name in ("tenant", "user", "owner")}
    values = {name: value for name, value in fixed.items() if value is not None}
    values |= {"membership": obj.membership_id} if hasattr(obj, "membership_id") else {}
    answer = client.post(url("add"), {**sent, **values, "title": "Added"})
    assert answer.status_code == 302, answer.context["errors"]
    assert model.objects.get(tenant=obj.tenant, title="Added").version > 0


@every_live_model
def test_admins_action_deletes_what_is_chosen(world: World, settings: Settings, model: Any) -> None:
    settings.ROOT_URLCONF = __name__
    url = reverse(f"plain:{model._meta.app_label}_{model._meta.model_name}_changelist")
    pk = one_of(model).pk
    chosen = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    assert operator().post(url, chosen).status_code == 302
    assert not model.unscoped.filter(pk=pk).exists()


# Forms and validation


@every_live_model
@pytest.mark.parametrize("base", [ModelForm, TenantModelForm])
def test_form_of_an_object_is_valid_and_saves(world: World, model: Any, base: Any) -> None:
    obj = one_of(model)
    form = modelform_factory(model, form=base, exclude=())(
        sent_by_browser(modelform_factory(model, exclude=())(instance=obj)), instance=obj
    )
    assert form.is_valid(), form.errors
    assert form.save().pk == obj.pk


@every_live_model
def test_object_is_valid_as_it_is_and_validated_within_its_tenant(world: World, model: Any) -> None:
    obj = one_of(model)
    obj.full_clean()
    obj.tenant = world.tenants["globex"]
    with pytest.raises(ValidationError, match="cannot change its tenant"):
        obj.full_clean()


@every_live_model
def test_copy_of_an_object_breaks_those_constraints_that_there_are(
    world: World, model: Any
) -> None:
    """Also in a form that does not show the tenant."""
    obj = one_of(model)
    unique = [c for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
    obj.pk, obj._state.adding = None, True
    for exclude in ((), ("tenant",)):
        if unique:
            with pytest.raises(ValidationError):
                obj.validate_constraints(exclude)
        else:
            obj.validate_constraints(exclude)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.model.__name__)
def test_forms_and_serializers_offer_the_objects_that_a_row_may_link_to(
    world: World, link: Any
) -> None:
    target = link.related_model
    form = modelform_factory(link.model, fields=[link.name])()
    assert set(form.fields[link.name].queryset) == set(target.unscoped.all())  # type: ignore[attr-defined]
    meta = type("Meta", (), {"model": link.model, "fields": (link.name,)})
    made = type("Linking", (serializers.ModelSerializer,), {"Meta": meta})
    serializer = made(data={link.name: one_of(target).pk})
    assert serializer.is_valid(), serializer.errors
    assert not made(data={link.name: 10**6}).is_valid()


def test_link_to_another_tenants_row_is_refused_like_one_to_nothing(world: World) -> None:
    profile = world.profile("owner")
    foreign = Membership.objects.get(tenant=world.tenants["globex"], user=world.user("rival"))
    errors = []
    for pk in (foreign.pk, 10**6):
        profile.membership_id = pk
        with pytest.raises(ValidationError) as refused:
            profile.full_clean()
        errors.append(json.dumps(refused.value.message_dict).replace(str(pk), "N"))
    assert errors[0] == errors[1]
    profile.full_clean(exclude=["membership"])


def test_form_offers_rows_of_its_objects_tenant_only(world: World) -> None:
    profile = world.profile("owner")
    made = modelform_factory(type(profile), form=TenantModelForm, fields=["membership"])
    offered = made(instance=profile).fields["membership"].queryset  # type: ignore[attr-defined]
    assert set(offered) == set(Membership.objects.filter(tenant=world.tenants["acme"]))
    foreign = Membership.objects.get(tenant=world.tenants["globex"], user=world.user("rival"))
    assert not made({"membership": foreign.pk}, instance=profile).is_valid()
    everybody = made().fields["membership"].queryset  # type: ignore[attr-defined]
    assert everybody.count() == Membership.objects.count()
    assert (
        "title"
        in modelform_factory(type(profile), form=TenantModelForm, fields=["title"])(
            instance=profile
        ).fields
    )


# REST framework's


@every_live_model
def test_serializer_with_its_own_related_and_unique_fields(world: World, model: Any) -> None:
    obj = one_of(model)
    meta = type("Meta", (), {"model": model, "fields": "__all__"})
    made = type("Everything", (serializers.ModelSerializer,), {"Meta": meta})
    shown = made(obj).data
    related = {n for n, f in made().fields.items() if isinstance(f, serializers.RelatedField)}
    assert "tenant" in related
    again = made(obj, data=shown)
    assert again.is_valid(), again.errors
    again.save()
    copy = made(data=shown)
    unique = any(field.unique and not field.primary_key for field in model._meta.concrete_fields)
    assert copy.is_valid() is not unique
    if copy.is_valid():
        assert copy.save().pk != obj.pk


# Related objects, generic views, fixtures


@every_live_model
def test_related_objects_are_read_and_prefetched(world: World, model: Any) -> None:
    names = [
        field.get_accessor_name() if field.auto_created else field.name
        for field in model._meta.get_fields()
        if field.is_relation
    ]
    assert "tenant" in names
    query = model.objects.filter(tenant=world.tenants["acme"])
    for obj in query.prefetch_related(*names):
        for name in names:
            related = getattr(obj, name)
            assert isinstance(related, Model) or list(related.all()) is not None


@every_live_model
def test_generic_views_and_shortcuts_find_the_rows(world: World, model: Any) -> None:
    obj, request = one_of(model), RequestFactory().get("/")
    assert get_object_or_404(model, pk=obj.pk) == obj
    assert obj in get_list_or_404(model)
    with pytest.raises(Http404):
        get_object_or_404(model, pk=10**6)
    shown: Any = DetailView.as_view(model=model)(request, pk=obj.pk)
    assert shown.context_data["object"] == obj
    listed: Any = ListView.as_view(model=model)(request)
    assert obj in listed.context_data["object_list"]


def test_dump_is_loaded_again(world: World, tmp_path: Path) -> None:
    def rows() -> dict[str, Any]:
        return {
            model._meta.label: [model_to_dict(row) for row in model._base_manager.order_by("pk")]
            for model in apps.get_models()
            if model in LIVE or issubclass(model, Attributed)
        }

    before, labels = rows(), list(rows())
    fixture = tmp_path / "dump.json"
    call_command("dumpdata", *labels, output=str(fixture))
    call_command("loaddata", str(fixture), stdout=StringIO())
    assert rows() == before
    for model in LIVE:
        model._default_manager.all().delete()
    assert not any(rows().values())
    call_command("loaddata", str(fixture), stdout=StringIO())
    assert rows() == before


def test_one_tenants_rows_are_dumped_by_their_keys(world: World) -> None:
    out = StringIO()
    call_command("dumpdata", "resources.document", pks=str(world.document.pk), stdout=out)
    assert [row["pk"] for row in json.loads(out.getvalue())] == [world.document.pk]

"""Methods that override Django's take what Django's take, also by position and asynchronously."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.db.models.base import Model

from realtime.models import LiveModel
from tenants.models import Membership
from tests.world import World


def ours() -> Iterator[tuple[type, type]]:
    """Our models, managers and query sets, each with Django's class that it stands for."""
    for model in apps.get_models():
        if not model.__module__.startswith("django"):
            yield model, Model
            for manager in model._meta.managers:
                yield type(manager), models.Manager
                yield type(manager.get_queryset()), models.QuerySet


def overridden() -> dict[str, tuple[Callable[..., Any], Callable[..., Any]]]:
    found: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {}
    for cls, django in ours():
        for base in cls.__mro__:
            if base.__module__.split(".")[0] not in ("tenants", "permissions", "realtime"):
                continue
            for name, method in vars(base).items():
                theirs = getattr(django, name, None)
                if inspect.isfunction(method) and inspect.isfunction(theirs):
                    found[f"{base.__name__}.{name}"] = (method, theirs)
    return found


OVERRIDDEN = overridden()


def test_methods_of_djangos_are_overridden() -> None:
    assert {"LiveModel.save", "Membership.save"} <= set(OVERRIDDEN)


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_overridden_method_takes_what_djangos_takes(name: str) -> None:
    method, theirs = OVERRIDDEN[name]
    kinds = inspect.Parameter
    parameters = list(inspect.signature(theirs).parameters.values())[1:]
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    placed = [p for p in parameters if p.kind is kinds.POSITIONAL_OR_KEYWORD]
    signature = inspect.signature(method)
    signature.bind(None, **{p.name: 0 for p in named})
    signature.bind(None, *(0 for _ in placed))
    for variable, arguments in ((kinds.VAR_POSITIONAL, [0, 0]), (kinds.VAR_KEYWORD, [])):
        if variable in [p.kind for p in parameters]:
            signature.bind(None, *arguments, **({} if arguments else {"anything": 0}))


WARNED = "positional arguments to save"
SAVED = [model for model in apps.get_models() if issubclass(model, (LiveModel, Membership))]


@pytest.mark.each_case
@pytest.mark.parametrize("model", SAVED, ids=lambda model: model.__name__)
def test_save_takes_djangos_positional_arguments(world: World, model: Any) -> None:
    row = model._base_manager.order_by("pk").first()
    name = next(f.name for f in model._meta.concrete_fields if not f.primary_key)
    for arguments in [(False, False, "default", None), (False, True, None, [name]), (False,)]:
        with pytest.warns(DeprecationWarning, match=WARNED):
            row.save(*arguments)
    with (
        pytest.warns(DeprecationWarning, match=WARNED),
        pytest.raises(ValueError, match="force both"),
    ):
        row.save(True, True)
    with (
        pytest.warns(DeprecationWarning, match=WARNED),
        pytest.raises(TypeError, match="multiple values"),
    ):
        row.save(False, True, force_update=True)
    row.refresh_from_db()


async def test_asynchronous_writes_take_djangos_arguments(world: World) -> None:
    document = world.document
    document.title = "Asynchronous"
    await document.asave(update_fields=["title"], using="default", force_update=True)
    await document.arefresh_from_db(using="default", fields=["title"])
    assert document.title == "Asynchronous"
    query = type(document).objects.filter(tenant=world.tenants["acme"])
    found, created = await query.aget_or_create(title="Asynchronous")
    assert (found, created) == (document, False)
    found, created = await query.aupdate_or_create(
        pk=document.pk, defaults={"title": "Updated"}, create_defaults={"title": "Made"}
    )
    assert (found.title, created) == ("Updated", False)
    assert await query.abulk_update([document], ["title"], 10) == 1
    assert (await document.adelete(using="default", keep_parents=False))[0]

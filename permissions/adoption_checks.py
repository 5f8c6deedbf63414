"""System checks of forgotten steps around declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core import checks

from permissions.audiences import Resource, registry
from permissions.form_checks import check_class
from permissions.models import Guarded
from permissions.versions import VersionField
from tenants.hosted_checks import are_right
from tenants.models import Role
from tenants.tenancy import NoTenant, arrives


def register_checks() -> None:
    """Register the checks for `manage.py check` and start-up."""
    checks.register(check_declared, "earshot")


def check_declared(**_: Any) -> list[checks.CheckMessage]:
    """Return what was forgotten around the declarations."""
    found = [message for resource in registry for message in check_roles(resource)]
    found += check_tenants(registry) if are_right() else ()
    for model in apps.get_models():
        if issubclass(model, Guarded) and not model._meta.proxy:
            found += check_version(model)
            if model._meta.label_lower not in registry:
                found += [undeclared(model), *check_class(model)]  # it is followed all the same
    return found


def check_roles(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Check that `roles` names roles that memberships have."""
    for name in resource.roles:
        if name not in Role.values:
            yield checks.Error(
                f"{resource.label} gives an audience to the role {name!r}, which nobody has.",
                hint=f"Use {', '.join(map(repr, Role.values))} in `roles`.",
                obj=resource.model,
                id="earshot.E045",
            )


def check_tenants(resources: Iterable[Resource]) -> Iterator[checks.CheckMessage]:
    """Check that each model's tenant is found, and that none has forgotten to say where."""
    resources, placed = list(resources), []
    for resource in resources:
        model: Any = resource.model
        foreign = resource.tenant is None and _has(model, "tenant") and not arrives(model, "tenant")
        try:
            placed += [resource] if resource.tenancy.path else []
        except NoTenant as error:
            foreign, reason = True, str(error)
        else:
            reason = f"{model._meta.label}.tenant is a field of your own."
        if foreign:
            yield checks.Error(
                reason,
                hint='Write the path to its earshot_tenants.Tenant, tenant="project__owner", or'
                ' tenant="" if all objects are in one tenant, of everybody.',
                obj=model,
                id="earshot.E048",
            )
    for resource in resources if placed else ():
        if (
            resource.tenant is None
            and resource not in placed
            and not _has(resource.model, "tenant")
        ):
            yield checks.Warning(
                f"{resource.label} has no tenant: its objects are in one, of which everybody is a"
                " member, while others have tenants.",
                hint='Declare tenant="path__to__tenant", or tenant="" if it is so.',
                obj=resource.model,
                id="earshot.W049",
            )


def _has(model: Any, name: str) -> bool:
    return any(field.name == name for field in model._meta.get_fields())


def check_version(model: Any) -> Iterator[checks.CheckMessage]:
    """Check that `version` counts changes, and is no field of the project's own."""
    if not isinstance(model._meta.get_field("version"), VersionField):
        yield checks.Error(
            f"{model._meta.label}.version is a field of your own: the database would overrule it.",
            hint="Rename it; `version` is inherited, and counts the changes.",
            obj=model,
            id="earshot.E046",
        )


def undeclared(model: Any) -> checks.CheckMessage:
    """Return the warning that nobody is shown the model."""
    module = f"{model._meta.app_config.name}.audiences"
    line = f"Resource(model={model.__name__}, …)"
    return checks.Warning(
        f"{model._meta.label} is live, but not declared: nobody sees it.",
        hint=f"In {module}, write registry.register({line}).",
        obj=model,
        id="earshot.W047",
    )

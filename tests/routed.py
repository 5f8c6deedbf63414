"""Addresses of what the tests' own apps declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.routers import SimpleRouter

from permissions.audiences import Resource
from permissions.rest import AudienceViewSet


def routed(resources: Mapping[Any, Resource], *mixins: type) -> Any:
    """A router of a view set for each model, named after it and made with these mixins."""
    router: Any = SimpleRouter()
    for model, resource in resources.items():
        bases = (*mixins, AudienceViewSet)
        viewset = type(f"{model.__name__}ViewSet", bases, {"resource": resource})
        router.register(str(model._meta.model_name), viewset, basename=str(model._meta.model_name))
    return router

"""What a reader is answered of an object over REST, alone and in the list, for the probe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLResolver, get_resolver
from rest_framework.test import APIRequestFactory, force_authenticate

from permissions.audiences import Resource
from permissions.rest import AudienceViewSet
from permissions.review.doors import Shown
from tenants import opaque
from tenants.keys import Key
from tenants.models import Tenant


def over_rest(resource: Resource, tenant_id: int, reader: Any, pk: Key) -> Iterator[Shown]:
    """Yield the answers of the resource's own addresses, if it has any."""
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=tenant_id)
    for view in _views(get_resolver(), resource):
        for door, options in (
            ("retrieve", {"pk": opaque.encode(resource.model, pk)}),
            ("list", {}),
        ):
            if view.actions.get("get") == door:
                request = APIRequestFactory().get("/", headers={"X-Tenant": slug})
                force_authenticate(request, user=reader)
                answer = view(request, **options).render()
                headers = repr(sorted(answer.items())).encode()
                yield Shown(f"REST {door}", answer.content + headers)


def _views(resolver: Any, resource: Resource) -> Iterator[Any]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern, resource)
            continue
        view = getattr(pattern.callback, "cls", object)
        if issubclass(view, AudienceViewSet) and getattr(view, "resource", None) is resource:
            yield pattern.callback

"""Rendering: an object as one audience sees it, the same for REST and push."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, tzinfo
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.encoding import force_bytes

from permissions import stored, unavailable
from permissions.audiences import Audience, Resource
from permissions.representation import NO_ETAG, ObjectKey, Representation
from permissions.serializers import AudienceSerializer
from permissions.stored import version_of
from tenants.encoding import dumps
from tenants.multiprocess import Counter

SERIALIZATIONS = Counter("earshot_serializations", "Payloads rendered.", ["model", "audience"])
_serializations = lru_cache(maxsize=None)(SERIALIZATIONS.labels)
LANGUAGE: Final = "en"
NOTHING: Final = nullcontext()


class IncompletePayload(LookupError):
    """An object lacks a value of its audience's payload, which `prepare` should have added."""

    def __init__(self, audience: Audience, names: list[str]) -> None:
        self.audience = audience
        self.names = names
        super().__init__(
            f"The {audience.name}'s payload lacks {', '.join(names)}: let the resource's `prepare`"
            " add what is not a field of the model."
        )


class _Plain(threading.local):
    """The context in which a thread renders plainly, as it was when that was last seen."""

    context: Context | None = None


_plain = _Plain()
_serializers = threading.local()
_unobserved: ContextVar[bool] = ContextVar("earshot_unobserved", default=False)


@contextmanager
def unobserved() -> Iterator[None]:
    """Neither count what the block renders, nor tell of what it cannot render: it shows nobody."""
    token = _unobserved.set(True)
    try:
        yield
    finally:
        _unobserved.reset(token)


def shared_serializer(serializer: type[AudienceSerializer]) -> AudienceSerializer:
    """Return one instance per class and thread: building its fields costs ten renderings."""
    cached: dict[Any, AudienceSerializer] = _serializers.__dict__
    if serializer not in cached:
        cached[serializer] = serializer()
    return cached[serializer]


def plainly() -> AbstractContextManager[None]:
    """Render the block in UTC and English, whatever the thread's settings.

    Whoever renders many objects sets both once for all: setting takes as long as an object's
    payload. Each payload looks again, since what it calls may have set something else. To ask
    Django takes half as long as setting: contexts tell at once whether anything was set.
    """
    context = copy_context()
    if _plain.context is None:
        return _plainly()
    if context != _plain.context:
        if not _is_plain():
            return _plainly()
        _plain.context = context
    return NOTHING


def _is_plain() -> bool:
    zone: tzinfo = timezone.get_current_timezone()
    return zone is UTC and translation.get_language() == LANGUAGE


@contextmanager
def _plainly() -> Iterator[None]:
    before = _plain.context
    with timezone.override(UTC), translation.override(LANGUAGE):
        _plain.context = copy_context()
        try:
            yield
        finally:
            _plain.context = before


def payload(audience: Audience, obj: Any) -> dict[str, Any]:
    """Return the audience's payload of an object, in UTC and English."""
    serializer = shared_serializer(audience.serializer)
    with plainly():
        shown: dict[str, Any] = serializer.to_representation(obj)
    # DRF omits a read-only field whose attribute the object lacks.
    if not serializer.names <= shown.keys():
        raise IncompletePayload(audience, [n for n in serializer.names if n not in shown])
    return shown


def etag(tenant_id: int, key: ObjectKey, audience: str, body: bytes) -> str:
    """Return an opaque keyed digest of a payload; equal payloads of an audience have equal ones."""
    named = f"{tenant_id}/{key.model}/{key.pk}/{audience}/".encode()
    return hmac.digest(_etag_key(settings.SECRET_KEY), named + body, "sha256").hex()[:32]


@lru_cache(maxsize=4)
def _etag_key(secret: str | bytes) -> bytes:
    """Return the key that Django's `salted_hmac` derives each time, which takes longer than the
    digest itself."""
    return sha256(b"earshot.etag" + force_bytes(secret)).digest()


def render(
    resource: Resource, audience: Audience, obj: Any, revision: int, *, savepoint: bool = False
) -> Representation:
    """Serialize one object for one audience; counted, since it must not be repeated.

    An error is this object's failure for this audience, except database errors, which are raised,
    and so is any error that spoils the open transaction unless a `savepoint` is requested.
    """
    observed = not _unobserved.get()
    if observed:
        _serializations(resource.label, audience.name).inc()
    key, tenant_id = ObjectKey(resource.label, obj.pk), stored.tenant_of(obj)
    body, tag = None, NO_ETAG
    try:
        with transaction.atomic() if savepoint else NOTHING:
            body = dumps(payload(audience, obj))
        tag = etag(tenant_id, key, audience.name, body)
    except Exception as error:  # serializers may raise anything
        unavailable.raise_database_s(error)
        if observed:
            unavailable.tell(resource, audience, obj.pk, error)
    return Representation(
        tenant_id=tenant_id,
        key=key,
        audience=audience.name,
        version=version_of(obj),
        revision=revision,
        etag=tag,
        schema=audience.schema,
        body=body,
    )

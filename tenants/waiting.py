"""Answers that wait for their readers: what slow readers hold of a process is bounded."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import partial
from threading import Lock
from typing import Any, Final

from django.http import HttpResponse, JsonResponse

from tenants.limits import limits

SMALL: Final = 65_536
"""Smaller answers are not counted: servers take them at once."""

Holder = tuple[str, int | None]


class Waiting:
    """Counts the bytes of waiting answers for each user, each tenant, and in all."""

    def __init__(self) -> None:
        self._bytes: Counter[Holder] = Counter()
        self._lock = Lock()

    def hold(self, most: Mapping[Holder, int], size: int) -> bool:
        """Count an answer for its holders, each with its limit; return False if one has no room.

        A holder that holds nothing may hold one answer, however large.
        """
        with self._lock:
            for holder, limit in most.items():
                if self._bytes[holder] and self._bytes[holder] + size > limit:
                    return False
            self._bytes.update(dict.fromkeys(most, size))
        return True

    def release(self, holders: Collection[Holder], size: int) -> None:
        """Uncount what `hold` counted."""
        with self._lock:
            self._bytes.subtract(dict.fromkeys(holders, size))
            self._bytes += Counter()  # without those that hold nothing any more

    def __getitem__(self, holder: Holder) -> int:
        return self._bytes[holder]


waiting = Waiting()


def counted(request: Any, response: Any) -> HttpResponse | None:
    """Count a rendered answer until it is closed; return a refusal instead if it is too much."""
    size = len(response.content)
    if size < SMALL:
        return None
    now, tenant = limits(), getattr(request, "tenant", None)
    most: dict[Holder, int] = {
        ("user", request.user.pk): now["answers_bytes_per_user"],
        ("tenant", tenant and tenant.pk): now["answers_bytes_per_tenant"],
        ("process", None): now["answers_bytes"],
    }
    if not waiting.hold(most, size):
        _untie(response)
        refusal = {
            "detail": "Too many of your responses are still unread; read them first.",
            "code": "throttled",
        }
        return JsonResponse(refusal, status=429, headers={"Retry-After": "1"})
    # Released when it is closed, or, if the client left before that, when nobody refers to it.
    release = weakref.finalize(response, waiting.release, tuple(most), size)
    release.atexit = False
    response._resource_closers.append(partial(_let_go, weakref.ref(response), release))
    return None


def _let_go(reference: weakref.ref[Any], release: Callable[[], object]) -> None:
    release()
    _untie(reference())  # it is there: it is being closed


def _untie(response: Any) -> None:
    """Break the cycles of view and response, so that the bytes are freed now, not by the next
    garbage collection."""
    response.renderer_context["view"].response = None
    response.renderer_context = None

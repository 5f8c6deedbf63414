"""Two requests that write the same rows in opposite orders, each in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import transaction
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from tests.permissions.conftest import on_its_own

Step = Callable[[], object]
SECONDS = 60


class InSteps(APIView):
    """A view of a project's own, with the package's errors: it does all its steps, or nothing."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    steps: tuple[Step, ...] = ()

    def post(self, request: Any) -> Response:
        with transaction.atomic():
            for step in self.steps:
                step()
        return Response(status=204)


def ask(*steps: Step) -> Any:
    """The answer of the view, whose connection is given back."""
    view = InSteps.as_view(steps=steps)
    return on_its_own(lambda: view(APIRequestFactory().post("/")))


def crossed(one: tuple[Step, Step], other: tuple[Step, Step]) -> tuple[list[Any], int]:
    """The answers to both, who have done their first steps before either does its second; and the
    place of who was refused."""
    met = Barrier(2, timeout=SECONDS)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask, first, met.wait, second) for first, second in (one, other)]
        answers = [each.result(SECONDS) for each in asked]
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [204, 503]
    return answers, codes.index(503)


def is_told_to_try_again(answer: Any) -> bool:
    """Whether the answer says when, and nothing of what was written."""
    return (answer.data["code"], answer.headers["Retry-After"]) == ("service_unavailable", "5")

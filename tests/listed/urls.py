"""The declarations of tasks and notes, and their addresses."""

from __future__ import annotations

from typing import Any

from django.urls import include, path

from permissions.audiences import Audience, Resource
from permissions.sources import AsGuardian, Rows
from project.urls import urlpatterns as ours
from tests.keyed.urls import serializer
from tests.listed.models import Note, Task
from tests.routed import routed

ROWS: dict[Any, tuple[Rows, ...]] = {
    Task: (
        Rows(
            "listed.Part",
            user="person",
            object="project",
            of="project",
            level="role",
            gives={"lead": "keeper", "it's a guest": "looker", None: "looker"},
        ),
        Rows(
            "listed.Access",
            user="person",
            object="task",
            level="level",
            gives={9: "keeper", 8: "keeper", -1: "looker"},
        ),
        Rows("listed.Stamp", user="person", object=("kind", "number"), gives="looker"),
    ),
    Note: (
        Rows("listed.Pass", user="person", object=("kind", "key"), gives="looker"),
        Rows(
            "listed.Share",
            user="team",
            members="people",
            object="note",
            level="writes",
            gives={True: "keeper", False: "looker"},
        ),
        Rows(
            "listed.Share",
            user="group",
            members="user",
            object="note",
            level="writes",
            gives={True: "keeper", False: "looker"},
        ),
    ),
}


def declared(model: Any, tenant: str | None = None) -> Resource:
    """A keeper may write it, and a looker read its title."""
    name = model._meta.model_name
    keeper, looker = serializer(model, "title", "owner"), serializer(model, "title")
    return Resource(
        model=model,
        audiences=(
            Audience("keeper", f"change_{name}", keeper, writes=("title",)),
            Audience("looker", f"view_{name}", looker),
        ),
        holders={"owner": "keeper"},
        sources=(AsGuardian(), *ROWS[model]),
        filters=("title",),
        tenant=tenant,
    )


RESOURCES = {Task: declared(Task, "project__tenant"), Note: declared(Note)}
router = routed(RESOURCES)
urlpatterns = [path("api/", include(router.urls)), *ours]

"""Earshot's side of a benchmark: its people, its objects and its writer, in this process."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable
from typing import Any
from unittest import mock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

import django

django.setup()

from channels.db import database_sync_to_async  # noqa: E402  (needs the settings)
from django.contrib.auth.models import Group, Permission  # noqa: E402
from django.core.management import call_command  # noqa: E402
from knox.models import AuthToken  # noqa: E402

from bench.client import Plan  # noqa: E402
from bench.frame import FRAME  # noqa: E402
from bench.processes import OURS  # noqa: E402
from project.runtime import tune  # noqa: E402
from realtime.publishing import notifications  # noqa: E402
from realtime.publishing.publisher import publisher  # noqa: E402
from resources.models import Document, DocumentGroupGrant  # noqa: E402
from tenants import opaque  # noqa: E402
from tenants.models import Membership, User  # noqa: E402
from tests.world import World  # noqa: E402

in_thread = database_sync_to_async
SUBSCRIBE = '{"model":"resources.document","id":"$ID"}'
APPLICATION = OURS


async def made() -> World:
    """A migrated database with a small world in it."""
    await in_thread(call_command)("migrate", verbosity=0)
    world: World = await in_thread(World)()
    tune()  # as a server that writes is
    return world


def with_document(world: World, tenant: str = "acme", owner: str = "owner") -> World:
    """The same people, with another document, which the viewer may view."""
    other = copy.copy(world)
    other.document = world.create(tenant, owner, body=world.document.body)
    if tenant == "acme":
        other.grant("viewer", "viewer")
    return other


async def plan(
    world: World, port: int, count: int, ids: list[str] | None = None, user: str = "viewer",
    tenant: str = "acme",
) -> Plan:  # fmt: skip
    """Sockets of one user, each live on its own of the ids (by default, all on the document)."""
    token = await in_thread(world.token)(user)
    return Plan(
        url=f"ws://127.0.0.1:{port}/ws/?tenant={tenant}",
        count=count,
        headers={"Authorization": f"Token {token}"},
        replies=[SUBSCRIBE],
        ids=ids or [world.id],
    )


class Recorder:
    """In place of the channel layer: keeps what is published, to be published later."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self.messages.append((group, message))


async def recorded(
    writes: Iterable[Callable[[], object]], audience: str, kind: str = "hub.frame"
) -> list[tuple[str, dict[str, Any]]]:
    """Write all this, one after another; the messages for one audience, or for windows, if they are
    of that kind, unpublished."""
    recorder = Recorder()
    with mock.patch.object(notifications, "get_channel_layer", return_value=recorder):
        for write in writes:
            await in_thread(write)()
            await in_thread(publisher.flush)(120)
    of = {"hub.frame": audience, "hub.move": None}[kind]
    mine = (each for each in recorder.messages if each[1]["type"] == kind)
    return [each for each in mine if each[1].get("audience") == of]


def readers(world: World, count: int) -> list[User]:
    """New members of acme, who may see nothing yet."""
    first = User.objects.count()
    users = User.objects.bulk_create(User(username=f"reader{first + n}") for n in range(count))
    Membership.objects.bulk_create(
        Membership(tenant=world.tenants["acme"], user=user) for user in users
    )
    publisher.flush()
    return users


def documents(world: World, count: int) -> list[Document]:
    """New documents of acme's owner."""
    body = FRAME["payload"]["body"]
    tenant, owner = world.tenants["acme"], world.user("owner")
    made = Document.objects.bulk_create(
        Document(tenant=tenant, owner=owner, title=f"Document {n}", body=body) for n in range(count)
    )
    publisher.flush(60)
    return made


def team(members: list[User]) -> Group:
    """A Django group with these members."""
    group = Group.objects.create(name=f"team {members[0].pk}")
    group.user_set.set(members)
    return group


def share(with_: Group, documents: list[Document]) -> None:
    """Let a group's members view the documents."""
    view = Permission.objects.get(codename="view_document")
    DocumentGroupGrant.objects.bulk_create(
        DocumentGroupGrant(group=with_, permission=view, content_object=each) for each in documents
    )


def id_of(document: Document) -> str:
    """A document's id on the wire."""
    return opaque.encode(Document, document.pk)


def token(user: User) -> str:
    """A new token of the user's."""
    text: str = AuthToken.objects.create(user=user)[1]
    return text

"""What a reader is told of people: what their audience of each person's own object shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from permissions import people
from permissions.audiences import Resource
from resources.audiences import PROFILES
from resources.models import Profile
from resources.profiles.serializers import MemberSerializer
from tenants.models import Membership
from tests.permissions.conftest import HIDDEN
from tests.world import World

Declare = Callable[[Resource], Resource]


def named(world: World, reader: str, *usernames: str) -> dict[str, Any]:
    """These users' names as the reader is shown them, by username."""
    keys = {world.user(name).pk: name for name in usernames}
    found = people.names(world.tenants["acme"].pk, world.user(reader).pk, keys)
    return {keys[pk]: name for pk, name in found.items()}


def is_shown(world: World, reader: str, username: str) -> bool:
    tenant = world.tenants["acme"].pk
    return people.is_shown(tenant, world.user(reader).pk, world.user(username).pk)


def test_people_are_named_as_their_profiles_say_now(world: World) -> None:
    Profile.objects.filter(tenant=world.tenants["acme"], user=world.user("viewer")).update(
        display_name="Vera"
    )
    assert named(world, "owner", "owner", "viewer") == {"owner": "owner", "viewer": "Vera"}


def test_whom_the_reader_is_not_shown_has_no_name_for_them(world: World, declare: Declare) -> None:
    declare(HIDDEN)
    assert named(world, "owner", "owner", "viewer") == {"owner": "owner"}
    assert named(world, "viewer", "viewer") == named(world, "admin", "viewer")
    shown = {reader: is_shown(world, reader, "viewer") for reader in ("owner", "viewer", "admin")}
    assert shown == {"owner": False, "viewer": True, "admin": True}


def test_people_of_another_tenant_are_nobody(world: World) -> None:
    """Not even to somebody who is a member of both."""
    assert named(world, "both", "both", "rival") == {"both": "both"}
    assert not is_shown(world, "both", "rival")
    assert named(world, "rival", "owner") == {}
    assert not is_shown(world, "rival", "owner")


def test_name_that_the_readers_audience_does_not_show_is_not_told(
    world: World, declare: Declare
) -> None:
    declare(replace(PROFILES, names="username"))
    assert named(world, "member", "member", "viewer") == {"member": "member", "viewer": None}
    assert named(world, "admin", "viewer") == {"viewer": "viewer"}


def test_who_cannot_be_shown_has_no_name_and_the_others_have(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = MemberSerializer.to_representation

    def fail(self: Any, profile: Any) -> Any:
        if profile.user_id == world.user("viewer").pk:
            raise OSError("disk")
        return whole(self, profile)

    monkeypatch.setattr(MemberSerializer, "to_representation", fail)
    assert named(world, "member", "viewer", "editor") == {"editor": "editor"}
    assert is_shown(world, "member", "viewer")


def test_where_nothing_is_about_people_members_have_no_names(
    world: World, declare: Declare
) -> None:
    declare(replace(PROFILES, names=""))
    assert named(world, "owner", "viewer") == {}
    assert is_shown(world, "owner", "viewer")
    Membership.objects.filter(user=world.user("viewer")).delete()
    assert not is_shown(world, "owner", "viewer")


def test_nobody_is_asked_about_nobody(world: World) -> None:
    assert named(world, "owner") == {}

"""Who sees a profile as what: the person themselves, the tenant's admins, everybody else there."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet

from permissions.audiences import Audience, Resource, Shows, registry
from resources.profiles.models import Profile
from resources.profiles.serializers import AdminSerializer, MemberSerializer, SelfSerializer
from tenants.models import User


def with_username(profiles: QuerySet[Any]) -> QuerySet[Any]:
    """The profiles with their persons' usernames."""
    return profiles.annotate(username=F("user__username"))


def of_users(users: list[User]) -> QuerySet[Any]:
    """The profiles that show these users' names."""
    return Profile.objects.across_tenants().filter(user__in=users)


PROFILES = registry.register(
    Resource(
        model=Profile,
        audiences=(
            Audience(
                "self", "own_profile", SelfSerializer,
                writes=("display_name", "title", "bio", "email", "phone", "timezone"),
            ),
            Audience("admin", "administer_profile", AdminSerializer, writes=("title",)),
            Audience("member", "view_profile", MemberSerializer),
        ),
        holders={"user": "self"},
        roles={"admin": "admin", "reviewer": "member", "member": "member"},
        shows=(Shows("username", User, ("username",), find=of_users, by=("user",)),),
        prepare=with_username,
        names="display_name",
        never={"phone": ("admin", "member"), "email": ("member",), "username": ("member",)},
    )
)  # fmt: skip

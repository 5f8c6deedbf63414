"""Grants of a world's document over REST: their addresses, changes, and what a reader then sees."""

from typing import Any

from rest_framework.test import APIClient

from tests.world import World


def grants_url(world: World) -> str:
    return f"{world.url}grants/"


def url(world: World, subject: str) -> str:
    """The grant of a user by name, or of a role."""
    kind, _, name = subject.partition(":")
    return f"{grants_url(world)}{subject if name else f'user:{world.user_id(kind)}'}/"


def put(client: APIClient, world: World, subject: str, audience: Any) -> Any:
    return client.put(url(world, subject), {"audience": audience})


def sees(world: World, username: str) -> str | None:
    answer = world.rest(username).get(world.url)
    return answer["X-Audience"] if answer.status_code == 200 else None

"""A socket never outlives the credential that it came with, and dies of no other's end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from project.asgi import application
from tenants.models import Session, User
from tests.client import SocketClient, in_thread, settled, subscribed
from tests.conftest import StartServer
from tests.databases import with_broker
from tests.streams import communicator
from tests.test_processes import receive
from tests.world import World

TOKEN = {"token", "token elsewhere", "ticket of the token"}
SESSION = {"cookie", "ticket of the cookie"}
ALL = {*TOKEN, *SESSION, "another token"}

pytestmark = pytest.mark.usefixtures("by_hand")


@dataclass
class Keyring:
    """The credentials of `both`: two tokens and a session, and the tickets that they asked for."""

    world: World
    browser: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        self.token, self.another = self.world.token("both"), self.world.token("both")
        self.log_in("both")

    @property
    def user(self) -> Any:
        return User.objects.filter(username="both")

    @property
    def row(self) -> Any:
        """The first token's row."""
        return AuthToken.objects.filter(token_key=self.token[:15])

    @property
    def session(self) -> Any:
        return Session.objects.filter(pk=self.browser.session.session_key)

    def log_in(self, username: str) -> None:
        self.browser.force_login(
            self.world.user(username), "django.contrib.auth.backends.ModelBackend"
        )

    def rest(self) -> APIClient:
        return APIClient(headers={"Authorization": f"Token {self.token}", "X-Tenant": "acme"})

    def by_cookie(self) -> SocketClient:
        """A socket that a browser opens."""
        cookie = f"sessionid={self.browser.session.session_key}".encode()
        headers = [
            (b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", cookie),
        ]  # fmt: skip
        client = SocketClient(None)
        client.communicator = communicator(application, "/ws/?tenant=acme", headers)
        return client

    def by_ticket(self, rest: Client) -> SocketClient:
        """A socket with a ticket that this client asks for."""
        answer = rest.post("/api/tickets/", headers={"X-Tenant": "acme"})
        return SocketClient(None, query=f"&ticket={answer.json()['ticket']}")

    def sockets(self) -> dict[str, SocketClient]:
        return {
            "token": SocketClient(self.token),
            "token elsewhere": SocketClient(self.token, "globex"),
            "ticket of the token": self.by_ticket(self.rest()),
            "another token": SocketClient(self.another),
            "cookie": self.by_cookie(),
            "ticket of the cookie": self.by_ticket(self.browser),
        }


@asynccontextmanager
async def opened(keys: Keyring) -> AsyncIterator[dict[str, SocketClient]]:
    """A welcomed socket for each way in."""
    async with AsyncExitStack() as stack:
        sockets = await in_thread(keys.sockets)()
        for socket in sockets.values():
            await stack.enter_async_context(socket)
            assert (await socket.receive())["type"] == "WELCOME"
        yield sockets


def set_password(keys: Keyring) -> None:
    user = keys.user.get()
    user.set_password("another")
    user.save()


def save_password(keys: Keyring) -> None:
    user = keys.user.get()
    user.password = "!"
    user.save(update_fields=["password"])


def bulk_update_password(keys: Keyring) -> None:
    user = keys.user.get()
    user.password = "!"
    User.objects.bulk_update([user], ["password"])


def hash_anew(keys: Keyring) -> None:
    """As at the first login after better hashes came: then Django takes no older session."""
    better = "django.contrib.auth.hashers.ScryptPasswordHasher"
    with override_settings(PASSWORD_HASHERS=[better, *settings.PASSWORD_HASHERS]):
        assert keys.user.get().check_password("secret")


def shorten(keys: Keyring) -> None:
    row = keys.row.get()
    row.expiry = timezone.now()
    row.save()


ENDS: dict[str, tuple[Callable[[Keyring], object], set[str]]] = {
    "logout": (lambda k: k.rest().post("/api/logout/"), TOKEN),
    "logout of all": (lambda k: k.rest().post("/api/logoutall/"), ALL),
    "token deleted": (lambda k: k.row.get().delete(), TOKEN),
    "token deleted by a query": (lambda k: k.row.delete(), TOKEN),
    "all their tokens deleted": (
        lambda k: AuthToken.objects.filter(user__username="both").delete(),
        {*TOKEN, "another token"},
    ),
    "token given an earlier end": (shorten, TOKEN),
    "logout of the browser": (lambda k: k.browser.post("/api/logout/"), SESSION),
    "logout of all by the browser": (lambda k: k.browser.post("/api/logoutall/"), ALL),
    "another logs in there": (lambda k: k.log_in("member"), SESSION),
    "session deleted": (lambda k: k.session.get().delete(), SESSION),
    "sessions deleted by a query": (lambda k: Session.objects.all().delete(), SESSION),
    "password set": (set_password, ALL),
    "password saved": (save_password, ALL),
    "password updated": (lambda k: k.user.update(password="!"), ALL),
    "password updated in bulk": (bulk_update_password, ALL),
    "deactivated": (lambda k: k.user.update(is_active=False), ALL),
    "deleted": (lambda k: k.user.delete(), ALL),
    "another's password set": (
        lambda k: User.objects.filter(username="member").update(password="!"), set(),
    ),
    "a new token": (lambda k: k.world.token("both"), set()),
    "password hashed anew": (hash_anew, SESSION),
}  # fmt: skip


@pytest.mark.parametrize(("end", "closed"), ENDS.values(), ids=ENDS)
async def test_the_end_of_a_credential_closes_all_sockets_that_came_with_it_and_no_others(
    world: World, end: Callable[[Keyring], object], closed: set[str]
) -> None:
    keys = await in_thread(Keyring)(world)
    async with opened(keys) as sockets, subscribed(world, "viewer") as stranger:
        await in_thread(end)(keys)
        got = await settled(sockets)
        assert {name for name, frames in got.items() if frames} == closed
        assert all(got[name] == [{"close": 4401}] for name in closed)
        assert await stranger.settle() == []


async def test_a_token_that_expires_closes_its_sockets_by_itself(
    world: World, transport: str
) -> None:
    def arrange() -> dict[str, SocketClient]:
        keys = Keyring(world)
        sockets = keys.sockets()
        keys.row.update(expiry=timezone.now() + timedelta(seconds=0.5))
        return sockets

    sockets = await in_thread(arrange)()
    async with AsyncExitStack() as stack:
        for socket in sockets.values():
            await stack.enter_async_context(socket)
        for name in TOKEN:
            while "close" not in (frame := await sockets[name].receive()):
                assert frame["type"] == "WELCOME"
            assert frame == {"close": 4401}
        for name in ALL - TOKEN:
            assert [f["type"] for f in await sockets[name].settle()] == ["WELCOME"]


@pytest.mark.parametrize("of", ["token", "cookie"])
async def test_a_ticket_is_worth_nothing_after_the_credential_that_asked_for_it(
    world: World, of: str
) -> None:
    keys = await in_thread(Keyring)(world)
    client = keys.rest() if of == "token" else keys.browser
    socket = await in_thread(keys.by_ticket)(client)
    await in_thread(client.post)("/api/logout/")
    async with socket:
        assert await socket.receive() == {"close": 4401}


@with_broker
def test_a_logout_at_one_process_closes_the_sockets_of_another(
    world: World, start_server: StartServer
) -> None:
    never = {"EARSHOT_TAIL_SECONDS": "3600", "EARSHOT_SWEEP_SECONDS": "3600"}
    uvicorn, daphne = start_server("uvicorn", **never), start_server("daphne", **never)
    keys = Keyring(world)
    tokens = {"here": keys.token, "there": keys.token, "another": keys.another}
    servers = {"here": uvicorn, "there": daphne, "another": uvicorn}
    with ExitStack() as stack:
        sockets = {
            name: stack.enter_context(
                connect(
                    f"{servers[name].socket_url}?tenant=acme",
                    additional_headers={"Authorization": f"Token {token}"},
                )
            )
            for name, token in tokens.items()
        }
        for socket in sockets.values():
            assert receive(socket)["type"] == "WELCOME"
        out = {"Authorization": f"Token {keys.token}"}
        with urlopen(Request(f"{daphne.url}/api/logout/", b"", out)) as answer:
            assert answer.status == 204
        for name in ("here", "there"):
            with pytest.raises(ConnectionClosed):
                receive(sockets[name])
            assert sockets[name].close_code == 4401
        sockets["another"].send('{"action": "ping"}')
        assert receive(sockets["another"]) == {"type": "PONG"}

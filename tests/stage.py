"""One tenant written in the database and in the reference model side by side, and its sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from django.contrib.auth.models import Group
from knox.models import AuthToken

from realtime.publishing.publisher import publisher
from resources.models import Document, Profile
from tenants import opaque
from tenants.membership_tasks import do_tasks
from tenants.models import Membership, Tenant, User
from tests.announced import announced
from tests.client import SocketClient, in_thread
from tests.gates import this_hub
from tests.guests import Guest, until_so
from tests.hostile import Environment
from tests.realtime.capture.ways import Write
from tests.reference import DOCUMENT, PROFILE, Key, Member, Reference, Thing, Violation
from tests.turns import Turns

T = TypeVar("T")

USERS, GROUPS = ("admin", "owner", "editor", "viewer", "nobody"), ("readers", "writers")
FIELDS = ("title", "body", "status", "review_notes", "due_on", "budget")
NUMBERS = count(1)


class Stage(Turns):
    """The tenant of one example. Whatever is done is followed by all that it causes."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.sound = True
        self.lossy = False
        self.number = next(NUMBERS)
        self.refs = count(1)
        self.values = count(1)
        self.guests: list[Guest] = []
        self.documents: list[Document] = []
        self.reference = Reference(USERS, GROUPS)
        self.users = {name: self._user(name) for name in (*USERS, "anchor")}
        self.tenant = Tenant.objects.create(slug=f"model-{self.number}")
        other = Tenant.objects.create(slug=f"anchor-{self.number}")
        Membership.objects.create(tenant=other, user=self.users["anchor"])
        for name in USERS:
            self.join(name, "admin" if name == "admin" else "member")
        for name in GROUPS:
            Group.objects.create(name=self.group_name(name))
        self.create_document("owner")
        announced()
        token = AuthToken.objects.create(self.users["anchor"])[1]
        self.anchor = SocketClient(token, other.slug)  # keeps the hub
        self.run(self._start())

    def _user(self, name: str) -> User:
        full = f"{name}-{self.number}"
        return User.objects.create(username=full, first_name=full, password="!")

    async def _start(self) -> None:
        await self.anchor.__aenter__()
        await self.anchor.receive_until("WELCOME")
        await this_hub().tail.look()
        self.environment = Environment(this_hub(), publisher)
        await self.environment.still()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it; a failure leaves the stage unsound, so that nothing is asked of it any more."""
        self.sound = False
        result = self.runner.run(work)
        self.sound = True
        return result

    # The database and the reference.

    def do(self, work: Callable[[], T]) -> T:
        """Write with the ORM as a process does, on a thread."""
        return self.run(in_thread(work)())

    def settle(self) -> None:
        """What was written is committed: let everything follow, and hold it against the model."""
        self.reference.commit()
        if self.past:
            self.past = False
            self.run(self.environment.hub.tail.look())
        self.run(self._settle())
        if self.at_rest:
            self.do(self._verify_lists)

    async def _settle(self) -> None:
        await self.environment.still()
        for guest in list(self.guests):
            await until_so(guest.client.communicator.input_queue.empty)
        await self.environment.still()
        for guest in list(self.guests):
            await self._settle_guest(guest)
        if self.at_rest:
            for guest in (each for each in self.guests if each.wake is None):
                guest.reader.verify_current()

    @property
    def at_rest(self) -> bool:
        """Whether nothing is late or lost."""
        return self.environment.idle and not self.lossy

    async def _settle_guest(self, guest: Guest) -> None:
        communicator = guest.client.communicator
        if guest.wake is None:
            await until_so(lambda: guest.mailbox.closing is not None or not guest.mailbox)
            if guest.mailbox.closing is not None:
                await until_so(guest.closes)
        guest.take()
        if guest.reader.closed:
            self.guests.remove(guest)
            await communicator.disconnect(timeout=5)

    def group_name(self, name: str) -> str:
        """The Django group's name: unique in the database."""
        return f"{name}-{self.number}"

    def group(self, name: str) -> Group:
        """The Django group."""
        return Group.objects.get(name=self.group_name(name))

    def join(self, user: str, role: str) -> None:
        """Make the user a member, with a profile."""
        row = {"tenant": self.tenant, "user": self.users[user], "role": role}
        self.by_turns(lambda: Membership.objects.create(**row), Write(Membership, None, row))
        self.do(lambda: self._joined(user, role))

    def _joined(self, user: str, role: str) -> None:
        do_tasks()
        profile = Profile.objects.get(tenant=self.tenant, user=self.users[user])
        thing = Thing(
            user,
            self._shown(profile, ("display_name", "title", "bio", "email", "phone")),
            profile.pk,
        )
        thing.values |= {"timezone": "UTC", "username": self.users[user].username}
        self.reference.members[user] = Member(role)
        self.reference.things[PROFILE, opaque.encode(Profile, profile.pk)] = thing

    def create_document(self, owner: str, pk: int | None = None) -> None:
        """Create a document, perhaps under a key that was used before."""
        values = {name: self.value(name) for name in FIELDS}
        row = {"pk": pk, "tenant": self.tenant, "owner": self.users[owner], **values}
        self.by_turns(lambda: Document.objects.create(**row), Write(Document, None, row))
        self.do(lambda: self._created(owner, values["title"]))

    def _created(self, owner: str, title: str) -> None:
        document = Document.objects.get(tenant=self.tenant, title=title)
        shown = self._shown(document, (*FIELDS, "created_at", "updated_at"))
        thing = Thing(owner, shown, document.pk)
        self.reference.things[self.key(document)] = thing
        self.documents = [d for d in self.documents if d.pk != document.pk] + [document]

    def key(self, document: Document) -> Key:
        """The document's name on the wire and in the reference."""
        return DOCUMENT, opaque.encode(Document, document.pk)

    def value(self, field: str) -> Any:
        """A value that this field of any object never had; of a status there are but three."""
        number = next(self.values)
        match field:
            case "due_on":
                return date.fromordinal(700_000 + number)
            case "budget":
                return Decimal(number).quantize(Decimal("0.01"))
            case "status":
                return ("draft", "published", "archived")[number % 3]
        return f"{field} {number}"

    def fresh(self, document: Document) -> Document:
        """The document as it is stored."""
        return Document.objects.get(tenant=self.tenant, pk=document.pk)

    def written(self, document: Document, *writes: dict[str, Any]) -> None:
        """Tell the reference what one transaction wrote, write by write."""
        clock = self._plain(self.fresh(document).updated_at)
        plain = [{name: self._plain(value) for name, value in write.items()} for write in writes]
        self.reference.write(self.key(document), clock, plain)

    def _shown(self, obj: Any, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._plain(getattr(obj, name)) for name in names}

    @staticmethod
    def _plain(value: Any) -> Any:
        """A value as JSON shows it."""
        if value is None or isinstance(value, str):
            return value
        shown = str(value) if isinstance(value, Decimal) else str(value.isoformat())
        return shown.replace("+00:00", "Z")

    # Sockets.

    def connect(self, user: str) -> Guest | None:
        """Open a socket: it stays exactly if the user has a standing."""
        token, text = self.do(lambda: AuthToken.objects.create(self.users[user]))
        guest = Guest(self.reference, self.tenant.slug, user, token, text)
        code = self.run(self._connect(guest))
        if code != self.reference.standing(user):
            self.sound = False
            raise Violation(f"{user} was answered {code}, not {self.reference.standing(user)}")
        if code:
            return None
        self.guests.append(guest)
        self.settle()
        return guest

    async def _connect(self, guest: Guest) -> int:
        await guest.client.__aenter__()
        first = await guest.client.receive()
        if "close" in first:
            await guest.client.communicator.disconnect(timeout=5)
            return int(first["close"])
        sockets = self.environment.hub.connections
        guest.mailbox = next(s for s in sockets if s.id == first["connection"]).mailbox
        return 0

    def send(self, guest: Guest, **frame: Any) -> None:
        """Send a frame as the client."""
        self.run(guest.client.send(frame))
        self.settle()

    def disconnect(self, guest: Guest) -> None:
        """Go without a word."""
        self.guests.remove(guest)
        self.run(guest.client.communicator.disconnect(timeout=5))
        self.settle()

    def sleep(self, guest: Guest) -> None:
        """Take nothing any more, as a slow client."""
        if guest.wake is None:
            guest.wake, guest.mailbox._wake = guest.mailbox._wake, lambda: None

    def wake(self, guest: Guest) -> None:
        """Take things again."""
        if guest.wake is not None:
            guest.mailbox._wake, guest.wake = guest.wake, None
            self.run(self._woken(guest))
            self.settle()

    async def _woken(self, guest: Guest) -> None:
        guest.mailbox._wake()  # on the loop, where all of a mailbox's puts are

    # The end.

    def converge(self) -> None:
        """Nothing is late any more: every copy is what REST answers; after losses the tail ran."""
        for guest in list(self.guests):
            self.wake(guest)
        (environment := self.environment).gates.armed.clear()
        environment.gates.open()
        environment.messages.holding = environment.publisher.holding = False
        self.do(lambda: environment.publisher.announce(environment.publisher.held))
        self.run(environment.messages.deliver(environment.messages.held))
        self.settle()
        if not self.lossy:
            self._verify()
        self.tail()
        self._verify()

    def tail(self) -> None:
        """One look of the tail, and the broker's groups tried again."""
        hub = self.environment.hub
        self.run(hub.tail.look())
        self.run(self._retry())
        self.settle()

    async def _retry(self) -> None:
        self.environment.hub.groups.retry()

    def _verify(self) -> None:
        self.sound = False
        for guest in self.guests:
            guest.verify()
        self.sound = True

    def _verify_lists(self) -> None:
        # Who must close takes nothing, and has not heard of it yet.
        for guest in (each for each in self.guests if not each.reader.must_close):
            guest.verify_lists()

    def close(self) -> None:
        """Leave nothing running."""
        try:
            self.environment.publisher.restore()
            self.environment.gates.open()
            for client in (*(guest.client for guest in self.guests), self.anchor):
                self.runner.run(client.communicator.disconnect(timeout=5))
        finally:
            self.runner.close()

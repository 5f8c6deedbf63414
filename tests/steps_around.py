"""Steps of random histories: groups, memberships, users, the tenant, and the environment."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from realtime.state.subscriptions import State
from resources.models import Document, DocumentGroupGrant, Profile
from tenants.models import Membership, Tenant, User
from tests.realtime.capture.ways import Write
from tests.stage import FIELDS, GROUPS, USERS, Guest, Stage

IN_GROUPS: Any = User.groups.through
AUDIENCES = ("owner", "editor", "viewer", "auditor")

pick = st.integers(0, 999)
users = st.sampled_from(USERS)
readers = st.sampled_from(("owner", "editor", "viewer", "nobody"))
audiences = st.sampled_from(AUDIENCES)
groups = st.sampled_from(GROUPS)
fields = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True)


class Circumstances(RuleBasedStateMachine):
    """What admins, a broker and a network do."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.reference = self.stage.reference

    def teardown(self) -> None:
        try:
            if self.stage.sound:
                self.stage.converge()
        finally:
            self.stage.close()

    def _guest(self, number: int) -> Guest:
        return self.stage.guests[number % len(self.stage.guests)]

    def _document(self, number: int) -> Document:
        return self.stage.documents[number % len(self.stage.documents)]

    # Groups, memberships, users, the tenant.

    @rule(
        group=groups,
        user=readers,
        how=st.sampled_from(("add", "remove", "clear")),
        reverse=st.booleans(),
    )
    def change_group(self, group: str, user: str, how: str, reverse: bool) -> None:
        def write() -> None:
            row: Any = self.stage.group(group)
            manager = row.user_set if reverse else self.stage.users[user].groups
            if how == "clear" and not reverse:
                how_many = self.stage.users[user].groups
                how_many.remove(*how_many.filter(name__endswith=f"s-{self.stage.number}"))
            else:
                getattr(manager, how)(
                    *([] if how == "clear" else [self.stage.users[user] if reverse else row])
                )

        self.stage.orm(write)
        if how == "add":
            self.reference.groups[group].add(user)
        elif how == "clear" and reverse:
            self.reference.groups[group].clear()
        else:
            for name in [group] if how == "remove" else GROUPS:
                self.reference.groups[name].discard(user)
        self.stage.settle()

    @rule(group=groups, user=readers)
    def move_into_or_out_of_a_group(self, group: str, user: str) -> None:
        """By a row, whoever writes it."""
        there = user in self.reference.groups[group]
        place = {"group": self.stage.group(group), "user": self.stage.users[user]}
        row = Write(IN_GROUPS, place) if there else Write(IN_GROUPS, None, place)
        self.stage.write(row)
        (self.reference.groups[group].discard if there else self.reference.groups[group].add)(user)
        self.stage.settle()

    @rule(group=groups)
    def delete_group(self, group: str) -> None:
        row = self.stage.group(group)

        def write() -> None:
            row.delete()
            Group.objects.create(name=row.name)

        self.stage.by_turns(
            write,
            Write(DocumentGroupGrant, {"group": row.pk}),
            Write(IN_GROUPS, {"group": row.pk}),
            Write(Group, {"pk": row.pk}),
            Write(Group, None, {"name": row.name}),
        )
        self.reference.groups[group].clear()
        for thing in self.reference.things.values():
            thing.held[group].clear()
        self.stage.settle()

    @rule(user=users, active=st.booleans(), role=st.sampled_from(("admin", "member")))
    def change_membership(self, user: str, active: bool, role: str) -> None:
        if member := self.reference.members.get(user):
            where = {"tenant": self.stage.tenant, "user": self.stage.users[user]}
            self.stage.write(Write(Membership, where, {"is_active": active, "role": role}))
            member.active, member.role = active, role
        self.stage.settle()

    @rule(user=users)
    def remove_or_add_member(self, user: str) -> None:
        if user not in self.reference.members:
            self.stage.join(user, "member")
        else:
            here = {"tenant": self.stage.tenant, "user": self.stage.users[user]}
            rows = Membership.objects.filter(**here)
            self.stage.by_turns(rows.delete, Write(Profile, here), Write(Membership, here))
            profile = self.reference.profile(user)
            assert profile is not None
            del self.reference.members[user], self.reference.things[profile]
        self.stage.settle()

    @rule(user=users, active=st.booleans())
    def change_user(self, user: str, active: bool) -> None:
        where = {"pk": self.stage.users[user].pk}
        self.stage.write(Write(User, where, {"is_active": active}))
        self.reference.users[user] = active
        self.stage.settle()

    @precondition(lambda self: not self.reference.active or len(self.stage.guests) > 5)
    @rule(active=st.booleans())
    def change_tenant(self, active: bool) -> None:
        where = {"pk": self.stage.tenant.pk}
        self.stage.write(Write(Tenant, where, {"is_active": active}))
        self.reference.active = active
        self.stage.settle()

    # The environment.

    @initialize(lossy=st.booleans(), messages=st.booleans(), announcements=st.integers(0, 3))
    def begin(self, lossy: bool, messages: bool, announcements: int) -> None:
        """Some histories have a late broker, or a late process, from the first step on. Where
        nothing is lost, nothing needs the tail."""
        self.stage.lossy = lossy
        self.stage.environment.messages.holding = messages
        self.stage.environment.publisher.holding = not announcements

    @rule(holding=st.booleans())
    def hold_messages(self, holding: bool) -> None:
        self.stage.environment.messages.holding = holding

    @rule(number=pick, copies=st.integers(0, 2))
    def release_message(self, number: int, copies: int) -> None:
        """Deliver one of the late messages, out of order; no copy of it: it is lost."""
        messages = self.stage.environment.messages
        if messages.held:
            message = messages.held.pop(number % len(messages.held))
            copies = copies if self.stage.lossy else max(copies, 1)
            self.stage.run(messages.deliver([message] * copies))
            self.stage.settle()

    @rule(backwards=st.booleans())
    def release_messages(self, backwards: bool) -> None:
        messages = self.stage.environment.messages
        late, messages.held = messages.held, []
        self.stage.run(messages.deliver(reversed(late) if backwards else late))
        self.stage.settle()

    @rule(number=pick)
    def repeat_message(self, number: int) -> None:
        """A message that was delivered long ago comes once more."""
        messages = self.stage.environment.messages
        if messages.past:
            self.stage.run(messages.deliver([messages.past[-1 - number % len(messages.past)]]))
            self.stage.settle()

    @rule(holding=st.booleans())
    def hold_announcements(self, holding: bool) -> None:
        self.stage.environment.publisher.holding = holding

    @rule(number=pick, lost=st.booleans())
    def release_announcement(self, number: int, lost: bool) -> None:
        """A process goes on to announce what it committed, or dies before."""
        held = self.stage.environment.publisher.held
        if held:
            announcement = held.pop(number % len(held))
            if not (lost and self.stage.lossy):
                self.stage.do(lambda: self.stage.environment.publisher.announce([announcement]))
            self.stage.settle()

    @rule(kind=st.sampled_from(
        ("read_round", "read_round", "read_pairs", "ended", "group_add", "group_added",
         "group_discard")
    ))  # fmt: skip
    def arm_gate(self, kind: str) -> None:
        self.stage.environment.gates.armed.add(kind)

    @rule()
    def open_gates(self) -> None:
        self.stage.environment.gates.open()
        self.stage.settle()

    @precondition(lambda self: self.stage.lossy)
    @rule()
    def fail_next_join(self) -> None:
        self.stage.environment.groups.failing = True

    @rule()
    def tail(self) -> None:
        self.stage.tail()

    @rule()
    def sweep(self) -> None:
        rounds = self.stage.environment.hub.rounds.get(self.stage.tenant.pk)
        if rounds is not None:
            live = [s for s in rounds.index.all if s.state is State.LIVE]
            self.stage.run(_ask(rounds, live))
            self.stage.settle()


async def _ask(rounds: Any, live: list[Any]) -> None:
    rounds.ask(live)

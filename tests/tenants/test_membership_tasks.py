"""What has to be made for a membership is made, whoever writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import serializers
from django.db import InterfaceError, connection, transaction
from django.utils import timezone

from tenants.membership_tasks import do_tasks
from tenants.models import Membership, MembershipTask, Tenant, User
from tenants.signals import membership_written
from tests.tenants.conftest import member

pytestmark = pytest.mark.django_db


def test_saved_member_is_told_of_in_the_same_transaction(
    acme: Tenant, told: list[Membership]
) -> None:
    place = Membership.objects.create(tenant=acme, user=member("new"))
    assert told == [place]
    assert not MembershipTask.objects.exists()


def raw_insert(acme: Tenant, user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO earshot_tenants_membership"
            " (tenant_id, user_id, role, is_active, created_at) VALUES (%s, %s, 'member', %s, %s)",
            [acme.pk, user.pk, True, timezone.now()],
        )


WRITES: list[Callable[[Tenant, User], object]] = [
    lambda acme, user: Membership.objects.bulk_create([Membership(tenant=acme, user=user)]),
    lambda acme, user: Membership._base_manager.bulk_create(
        [Membership(tenant=acme, user=user)], ignore_conflicts=True
    ),
    raw_insert,
]


@pytest.mark.parametrize("write", WRITES)
def test_member_is_told_of_by_whatever_way_they_came(
    acme: Tenant, told: list[Membership], write: Callable[[Tenant, User], object]
) -> None:
    user = member("new")
    write(acme, user)
    assert told == []
    do_tasks()
    assert told == [user.memberships.get()]
    do_tasks()
    assert len(told) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("write", WRITES)
def test_member_is_told_of_after_the_commit(
    acme: Tenant, told: list[Membership], write: Callable[[Tenant, User], object]
) -> None:
    user = member("new")
    with transaction.atomic():
        write(acme, user)
        assert told == []
    assert told == [user.memberships.get()]


def test_invitation_is_told_of_when_it_is_accepted(acme: Tenant, told: list[Membership]) -> None:
    user, now = member("new"), timezone.now()
    Membership.objects.create(tenant=acme, user=user, is_active=False, invited_at=now)
    do_tasks()
    assert told == []
    user.memberships.update(is_active=True)
    do_tasks()
    [place] = told
    place.refresh_from_db()
    assert place.invited_at is None
    do_tasks()
    assert told == [place]


def test_fixture_brings_what_belongs_to_a_member_itself(
    owner: User, told: list[Membership]
) -> None:
    fixture = serializers.serialize("json", owner.memberships.all())
    owner.memberships.all().delete()
    told.clear()
    for loaded in serializers.deserialize("json", fixture):
        loaded.save()
    assert told == []
    do_tasks()
    assert told == [owner.memberships.get()]


def test_member_who_has_gone_meanwhile_is_not_told_of(owner: User, told: list[Membership]) -> None:
    owner.memberships.update(role="admin")
    owner.delete()
    told.clear()
    do_tasks()
    assert (told, MembershipTask.objects.count()) == ([], 0)


def test_many_members_are_told_of_in_batches(
    acme: Tenant, told: list[Membership], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.membership_tasks.BATCH", 2)
    users = User.objects.bulk_create(User(username=f"new{number}") for number in range(5))
    Membership.objects.bulk_create(Membership(tenant=acme, user=user) for user in users)
    do_tasks()
    assert [place.user for place in told] == users


Refuse = Callable[[type[Exception]], None]


@pytest.fixture
def refuse() -> Iterator[Refuse]:
    """`refuse(error)` has it raised for whoever is called `new1`."""

    def begin(error: type[Exception]) -> None:
        def hear(memberships: list[Membership], **_: Any) -> None:
            if any(membership.user.username == "new1" for membership in memberships):
                raise error

        membership_written.connect(hear, weak=False, dispatch_uid="refuse")

    yield begin
    membership_written.disconnect(dispatch_uid="refuse")


def test_member_for_whom_it_fails_stops_no_other_and_is_tried_again(
    acme: Tenant,
    told: list[Membership],
    refuse: Refuse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("tenants.membership_tasks.BATCH", 2)
    users = User.objects.bulk_create(User(username=f"new{number}") for number in range(4))
    Membership.objects.bulk_create(Membership(tenant=acme, user=user) for user in users)
    refuse(RuntimeError)
    do_tasks()
    [task] = MembershipTask.objects.all()
    assert task.user_id == users[1].pk
    assert f"(task {task.pk}) could not be created" in caplog.text
    membership_written.disconnect(dispatch_uid="refuse")
    told.clear()
    do_tasks()
    assert [place.user for place in told] == [users[1]]


def test_database_that_is_away_is_not_asked_for_each(acme: Tenant, refuse: Refuse) -> None:
    WRITES[0](acme, member("new1"))
    refuse(InterfaceError)
    with pytest.raises(InterfaceError):
        do_tasks()

"""Every way of writing that Django has, on the models that are watched."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import serializers
from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.db.models.signals import post_save

from tenants.models import Membership, Tenant, User
from tenants.watching import Change, ConflictsUnwatchable, rows_changed
from tests.tenants.conftest import Colleague, Standing, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def changes(owner: User) -> Iterator[list[Change]]:
    """The changes that are announced, with `owner` in acme."""
    said: list[Change] = []

    def hear(changes: list[Change], **_: Any) -> None:
        said.extend(changes)

    rows_changed.connect(hear)
    yield said
    rows_changed.disconnect(hear)


def differences(change: Change) -> dict[str, tuple[object, object]]:
    before, after = change
    assert before
    assert after
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def save(user: User) -> None:
    user.is_active = False
    user.save()


async def asave(user: User) -> None:
    user.is_active = False
    await user.asave()


@pytest.mark.parametrize(
    "write",
    [
        save,
        lambda user: User.objects.update(is_active=False),
        lambda user: User.objects.filter(memberships__tenant__slug="acme").update(is_active=False),
        lambda user: User.objects.order_by("username").distinct().update(is_active=False),
        lambda user: User.objects.bulk_update([User(pk=user.pk, is_active=False)], ["is_active"]),
        lambda user: Colleague.objects.update(is_active=False),
        lambda user: User.objects.update_or_create(
            username=user.username, defaults={"is_active": False}
        ),
    ],
)
def test_write_is_announced_once(
    changes: list[Change], owner: User, write: Callable[[User], object]
) -> None:
    write(owner)
    [change] = changes
    assert differences(change) == {"is_active": (True, False)}


@pytest.mark.django_db(transaction=True)
async def test_asynchronous_writes_are_announced(changes: list[Change], owner: User) -> None:
    await asave(owner)
    await User.objects.aupdate(is_active=True)
    assert [differences(change) for change in changes] == [
        {"is_active": (True, False)},
        {"is_active": (False, True)},
    ]


def test_stored_row_is_compared_and_not_the_instance(changes: list[Change], owner: User) -> None:
    stale = User.objects.get()
    User.objects.update(is_active=False)
    changes.clear()
    stale.save()
    assert [differences(change) for change in changes] == [{"is_active": (False, True)}]


def test_only_saved_fields_are_announced(changes: list[Change], owner: User) -> None:
    owner.is_active = False
    owner.save(update_fields=["first_name"])
    assert changes == []


def test_expression_is_announced_with_what_it_became(changes: list[Change], owner: User) -> None:
    owner.password = Concat(F("password"), Value("!"))
    owner.save()
    User.objects.update(password=Concat(F("password"), Value("!")))
    assert len(changes) == 2
    assert [differences(change)["password"][1] for change in changes] == [
        differences(changes[0])["password"][1],
        User.objects.get().password,
    ]


def test_new_name_is_announced_and_moves_nobody(
    changes: list[Change], owner: User, heard: list[Standing]
) -> None:
    heard.clear()
    User.objects.update(username="renamed")
    assert [differences(change) for change in changes] == [{"username": ("owner", "renamed")}]
    assert heard == []


def test_update_returns_the_number_of_rows(acme: Tenant, owner: User) -> None:
    member("other", acme)
    assert Membership.objects.update(role="admin") == 2
    assert Membership.objects.filter(role="member").update(role="admin") == 0


def test_updated_queryset_reads_anew(acme: Tenant, owner: User) -> None:
    members = Membership.objects.all()
    assert [row.role for row in members] == ["member"]
    members.update(role="admin")
    assert [row.role for row in members] == ["admin"]


def test_bulk_write_that_might_overwrite_is_refused(acme: Tenant, owner: User) -> None:
    again = [Membership(tenant=acme, user=owner, role="admin")]
    with pytest.raises(ConflictsUnwatchable, match=r"Membership.*update_or_create"):
        Membership.objects.bulk_create(again, ignore_conflicts=True)
    with pytest.raises(ConflictsUnwatchable) as refused:
        Membership.objects.bulk_create(
            again,
            update_conflicts=True,
            update_fields=["role"],
            unique_fields=["tenant", "user"],
        )
    assert refused.value.model is Membership
    assert owner.memberships.get().role == "member"


def test_fixture_is_announced_but_brings_its_own_rows(
    changes: list[Change], owner: User, births: list[Membership], heard: list[Standing]
) -> None:
    place = owner.memberships.get()
    fixture = serializers.serialize("json", [place])
    owner.memberships.all().delete()
    changes.clear()
    heard.clear()
    for loaded in serializers.deserialize("json", fixture):
        loaded.save()
    assert [(before, after and after["role"]) for before, after in changes] == [(None, "member")]
    assert heard == [(place.tenant_id, owner.pk, "membership")]
    assert births == []


def test_instance_that_a_receiver_saves_again_is_announced(
    changes: list[Change], owner: User
) -> None:
    def save_again(instance: User, **_: Any) -> None:
        post_save.disconnect(save_again, sender=User)
        instance.first_name = "Again"
        instance.save()

    receivers = post_save.receivers
    post_save.connect(save_again, sender=User)
    post_save.receivers = [*post_save.receivers[-1:], *receivers]  # before ours
    post_save.sender_receivers_cache.clear()
    try:
        save(owner)
    finally:
        post_save.receivers = receivers
        post_save.sender_receivers_cache.clear()
    assert [differences(change) for change in changes] == [{"is_active": (True, False)}]


def test_failed_save_leaves_the_next_one_right(
    changes: list[Change], acme: Tenant, owner: User
) -> None:
    place = owner.memberships.get()
    place.role = "king"
    with pytest.raises(IntegrityError), transaction.atomic():
        place.save()
    place.role = "admin"
    place.save()
    assert [differences(change) for change in changes] == [{"role": ("member", "admin")}]

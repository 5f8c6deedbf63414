"""What lasts, and what fails nobody, where ours follow the project's own tenants and members."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any, Final

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from realtime.capture.installing import drop, install
from tenants.models import Membership, Tenant
from tests.crossing import Step, ask, crossed, is_told_to_try_again
from tests.databases import on_postgresql
from tests.housed.place import (
    BEFORE,
    WITHOUT,
    Employment,
    House,
    execute,
    hire,
    house,
    housed,
    installed,
    person,
    standing,
)
from tests.realtime.capture.kept import unkept
from tests.test_hosted import meanwhile
from tests.world import World

__all__ = ["housed", "installed"]

pytestmark = pytest.mark.django_db(transaction=True)


def of(short: str = "villa") -> Any:
    return Tenant.objects.get(source=house(short).pk)


def close(**how: Any) -> None:
    Tenant.objects.filter(slug="villa").update(is_active=False, **how)


def rename() -> None:
    House.objects.filter(short="villa").update(title="Villa!")


@pytest.mark.parametrize("write", [rename, install])
def test_suspension_by_the_operator_lasts(housed: World, write: Callable[[], object]) -> None:
    close()
    write()
    assert not of().is_active
    House.objects.filter(short="villa").update(closed_at=timezone.now())
    assert not of().is_active
    House.objects.filter(short="villa").update(closed_at=None)
    assert of().is_active


def test_what_closes_without_triggers_is_closed_at_migrate_and_not_opened(housed: World) -> None:
    for closed_at in (timezone.now(), None):
        drop()
        House.objects.update(closed_at=closed_at)
        install()
        assert [of(short).is_active for short in ("villa", "hut")] == [False, False]


def test_nobody_becomes_a_member_of_what_is_being_deleted(housed: World) -> None:
    close(deleting_since=Now())
    hire("both")
    rename()
    install()
    assert "both" not in standing()


def key_first(old: Any, new: Any) -> None:
    House.objects.filter(pk=old).update(code=new)
    Employment.objects.filter(house_id=old, level=9).update(house_id=new)
    Employment.objects.filter(house_id=old).delete()


def members_first(old: Any, new: Any) -> None:
    Employment.objects.filter(house_id=old, level=9).update(house_id=new)
    House.objects.filter(pk=old).update(code=new)
    Employment.objects.filter(house_id=old).delete()


@pytest.mark.parametrize("write", [key_first, members_first])
def test_who_is_dismissed_while_the_key_changes_is_out(
    housed: World, write: Callable[[Any, Any], None]
) -> None:
    made = of().pk
    with transaction.atomic():
        write(house().pk, uuid.uuid4())
    assert of().pk == made
    assert standing() == WITHOUT


def test_rows_that_end_make_no_membership(housed: World) -> None:
    """Whoever deletes a person deletes their membership first, and then their rows one by one."""
    hire("viewer", level=5)
    Membership.objects.filter(user=person("viewer")).delete()
    for row in Employment.objects.filter(person=person("viewer")):
        row.delete()
        assert "viewer" not in standing()


def test_slug_like_that_of_a_deleted_tenant_hinders_no_deletion(housed: World) -> None:
    made = of().pk
    House.objects.create(short=f"~{made}", title="Twin")
    house().delete()
    assert Tenant.objects.get(pk=made).slug == f"~{made}"
    twin = Tenant.objects.get(name="Twin")
    assert twin.slug == f"~-{twin.pk}"


def inserted(new: Any) -> None:
    new.save(force_insert=True)


def renamed(new: Any) -> None:
    new.short = "free"
    new.save(force_insert=True)
    House.objects.filter(pk=new.pk).update(short="acme")


def without_triggers(new: Any) -> None:
    drop()
    House.objects.exclude(short__in=["villa", "hut"]).update(title="Later")
    Tenant.objects.filter(slug__startswith="acme-").delete()
    inserted(new)
    install()


WAYS: Final = [inserted, renamed, without_triggers]


@pytest.mark.parametrize("write", WAYS)
def test_slug_that_is_taken_twice_becomes_another(
    housed: World, write: Callable[[Any], None]
) -> None:
    new = House(short="acme", title="Acme")
    House.objects.create(short=f"acme-{new.pk.hex}", title="Twin")
    write(new)
    made = Tenant.objects.get(source=new.pk)
    assert made.slug == f"~-{made.pk}"
    assert of(f"acme-{new.pk.hex}").slug == f"acme-{new.pk.hex}"


@on_postgresql
def test_slug_that_another_takes_meanwhile_leaves_no_row_without_a_tenant(housed: World) -> None:
    new = uuid.uuid4()
    with meanwhile(f"INSERT INTO \"a house\" VALUES ('{new}', 'barn', 'Barn', NULL)"):
        Tenant.objects.create(slug="barn", name="Twin")
    assert of("barn").slug == f"barn-{new.hex}"


@on_postgresql
def test_who_dismisses_in_a_snapshot_that_is_old_fails(housed: World) -> None:
    hire("viewer", level=5)
    taken, written = Event(), Event()

    def dismiss() -> None:
        try:
            with transaction.atomic():
                execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT 1")
                assert Employment.objects.exists()
                taken.set()
                assert written.wait(60)
                execute("DELETE FROM housed_employment WHERE level = 5")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(dismiss)
        assert taken.wait(60)
        execute("DELETE FROM housed_employment WHERE level = 1")
        written.set()
        with pytest.raises(OperationalError, match="could not serialize"):
            waiting.result()
    assert standing() == {**BEFORE, "viewer": ("reviewer", True)}


@on_postgresql
def test_of_two_who_hire_in_opposite_orders_one_can_try_again(housed: World) -> None:
    """Each waits for the other: PostgreSQL ends one of them, of whom nothing is left."""

    def steps(*names: str) -> tuple[Step, Step]:
        one, other = (partial(hire, name) for name in names)
        return one, other

    both = steps("member", "both"), steps("both", "member")
    answers, refused = crossed(*both)
    assert is_told_to_try_again(answers[refused])
    new = Employment.objects.filter(person__username__in=("member", "both"))
    assert new.count() == 2
    hired = {**BEFORE, "member": ("member", True), "both": ("member", True)}
    assert standing() == hired
    assert unkept() == []
    assert ask(*both[refused]).status_code == 204
    assert (new.count(), standing()) == (4, hired)

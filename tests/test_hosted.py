"""Tenants and members that are rows of the project's own: ours follow them, whoever writes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from realtime.capture.following import triggers
from realtime.capture.hosted import followings
from realtime.capture.installing import differences, drop, generalize, install
from realtime.capture.interval_models import Belongs
from tenants.models import Membership, Tenant
from tests.databases import on_postgresql, only_on
from tests.housed.place import (
    BEFORE,
    HIRED,
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
from tests.test_concurrency import until_blocking
from tests.world import World

__all__ = ["housed", "installed"]

pytestmark = pytest.mark.django_db(transaction=True)


def there(**where: Any) -> list[tuple[Any, ...]]:
    """The slug, the name and whether it is open, of those of our tenants that follow a house."""
    rows = Tenant.objects.filter(**where or {"source__isnull": False}).order_by("name")
    return list(rows.values_list("slug", "name", "is_active"))


def test_tenant_is_made_renamed_closed_and_opened_with_its_row(housed: World) -> None:
    assert there() == [("hut", "Hut", True), ("villa", "Villa", True)]
    made = Tenant.objects.get(slug="villa")
    assert made.source == house().pk
    House.objects.filter(short="villa").update(short="palace", title="x" * 300)
    assert there(pk=made.pk) == [("palace", "x" * 200, True)]
    House.objects.filter(short="palace").update(closed_at=timezone.now())
    assert there(pk=made.pk) == [("palace", "x" * 200, False)]
    House.objects.filter(short="palace").update(closed_at=None, title="")
    assert there(pk=made.pk) == [("palace", "", True)]


def test_key_of_the_row_may_change(housed: World) -> None:
    Employment.objects.all().delete()
    made = Tenant.objects.get(slug="villa")
    new = House(short="new").pk
    House.objects.filter(short="villa").update(code=new)
    assert Tenant.objects.get(pk=made.pk).source == new


@pytest.mark.parametrize("slug", ["everybody", "acme"])
def test_slug_that_is_taken_becomes_another_and_takes_over_nobody(housed: World, slug: str) -> None:
    key = House.objects.create(short=slug, title="Twin").pk
    assert there(name="Twin") == [(f"{slug}-{key.hex}", "Twin", True)]
    assert Tenant.objects.filter(slug=slug, source=None).count() == (slug == "acme")


def test_deleted_row_leaves_a_suspended_tenant_without_members(housed: World) -> None:
    made = Tenant.objects.get(slug="villa")
    house().delete()
    assert there(pk=made.pk) == [(f"~{made.pk}", "Villa", False)]
    assert not Membership.objects.filter(tenant=made, is_active=True).exists()
    House.objects.create(short="villa", title="Villa")
    assert Tenant.objects.filter(slug="villa").exclude(pk=made.pk).exists()


STEPS: Final = {
    "another row of a stronger role": (
        lambda: hire("viewer", level=5), {"viewer": ("reviewer", True)},
    ),
    "a stronger role at rest": (
        lambda: hire("viewer", level=9, resting=True), {"viewer": ("member", True)},
    ),
    "a role that means nothing": (lambda: hire("editor", level=3), {}),
    "nobody": (lambda: Employment.objects.create(house=house()), {}),
    "a rest": (
        lambda: Employment.objects.filter(person=person("viewer")).update(resting=True),
        {"viewer": ("member", False)},
    ),
    "another person": (
        lambda: Employment.objects.filter(person=person("viewer")).update(person=person("both")),
        {"viewer": ("member", False), "both": ("member", True)},
    ),
    "another house": (
        lambda: Employment.objects.filter(person=person("viewer")).update(house=house("hut")),
        {"viewer": ("member", False)},
    ),
    "an end": (lambda: Employment.objects.filter(level=1).delete(), {"viewer": ("member", False)}),
    "many at once": (
        lambda: Employment.objects.bulk_create(
            Employment(house=house(), person=person(name), level=5) for name in ("both", "viewer")
        ),
        {"both": ("reviewer", True), "viewer": ("reviewer", True)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_membership_says_what_the_rows_say(housed: World, step: str) -> None:
    assert standing() == BEFORE
    write, expected = STEPS[step]
    write()
    assert standing() == {**BEFORE, **expected}
    if step == "another house":
        assert standing("hut")["viewer"] == ("member", True)


def test_first_of_two_rows_that_ends_leaves_the_other(housed: World) -> None:
    first = hire("viewer", level=9)
    assert standing()["viewer"] == ("admin", True)
    first.delete()
    assert standing()["viewer"] == ("member", True)
    spans = Belongs.objects.filter(user_id=person("viewer").pk, tenant__slug="villa")
    assert [row.principal for row in spans.order_by("pk")] == [
        "role:member", "role:admin", "role:member",
    ]  # fmt: skip


def test_what_was_written_without_triggers_is_followed_at_migrate(housed: World) -> None:
    drop()
    execute("DELETE FROM housed_employment WHERE level = 1")
    House.objects.create(short="barn", title="Barn")
    hire("editor", "barn", level=5)
    House.objects.filter(short="villa").update(title="Old")
    Employment.objects.filter(house=house("hut")).delete()
    house("hut").delete()
    assert "barn" not in [slug for slug, *_ in there()]
    install()
    assert there() == [("barn", "Barn", True), ("villa", "Old", True)]
    assert standing() == WITHOUT
    assert standing("barn") == {"editor": ("reviewer", True)}
    assert not differences()


def test_nothing_is_written_where_nothing_differs(housed: World) -> None:
    before = list(Membership.objects.order_by("pk").values())
    install()
    Employment.objects.update(level=1)
    Employment.objects.filter(person=person("owner")).update(level=9)
    install()
    assert list(Membership.objects.order_by("pk").values()) == before


PLAIN: Final = {"model": "housed.Employment", "tenant": "house", "user": "person"}


@pytest.mark.each_case
@pytest.mark.parametrize("members", [None, PLAIN])
def test_what_is_not_declared_is_the_key_or_plain_membership(housed: World, members: Any) -> None:
    with override_settings(EARSHOT_TENANT_FIELDS={}, EARSHOT_MEMBERSHIP=members):
        install()
        House.objects.update(closed_at=timezone.now())
        assert there() == [(key.hex, key.hex, True) for key in keys()]
        Employment.objects.update(resting=True)
        House.objects.filter(short="hut").delete()
        [key] = keys()
        owner = "admin" if members is None else "member"
        assert standing(key.hex) == {"owner": (owner, True), "viewer": ("member", True)}
        assert {each.what for each in followings("sqlite")} == (
            {"tenants", "members"} if members else {"tenants"}
        )
    install()
    assert standing() == {"owner": ("admin", False), "viewer": ("member", False)}


def keys() -> list[Any]:
    return sorted(House.objects.values_list("pk", flat=True), key=str)


def test_triggers_in_a_migration_are_the_same_but_for_what_may_be_gone(housed: World) -> None:
    both = [list(triggers("postgresql", general=general)) for general in (False, True)]
    assert [each.key for each in both[0]] == [each.key for each in both[1]]
    general = [each for each, plain in zip(both[1], both[0], strict=True) if each != plain]
    assert [("undefined_column" in t.source, t.events) for t in general] == [
        (True, {"INSERT", "UPDATE", "DELETE"})
    ] * 2
    assert list(triggers("sqlite")) != []


MEMBER: Final = (
    "INSERT OR REPLACE INTO housed_employment SELECT id, house_id, NULL, level, resting"
    " FROM housed_employment WHERE level = 1"
)
HOUSE: Final = (
    "INSERT OR REPLACE INTO \"a house\" VALUES (replace(hex(zeroblob(16)), '00', 'ab'),"
    " 'villa', 'Other', NULL)"
)
REPLACES: Final = {
    "a member by the key": (MEMBER, WITHOUT),
    "a house by its slug": (HOUSE, {}),
}


@only_on("sqlite", "PostgreSQL replaces no row.")
@pytest.mark.parametrize("what", REPLACES)
def test_row_that_another_replaces_counts_no_more(housed: World, what: str) -> None:
    statement, left = REPLACES[what]
    execute("PRAGMA foreign_keys = OFF", statement)
    assert standing() == left
    assert there(slug="villa") == [("villa", "Villa" if left else "Other", True)]


@only_on("postgresql", "SQLite deletes row by row.")
def test_emptied_tables_leave_nobody(housed: World) -> None:
    execute("TRUNCATE housed_employment")
    assert not Membership.objects.filter(tenant__slug="villa", is_active=True).exists()
    execute('TRUNCATE "a house" CASCADE')
    assert there() == []


@on_postgresql
def test_migration_may_take_away_what_is_followed(housed: World) -> None:
    generalize()
    execute(
        "ALTER TABLE housed_employment RENAME level TO old_level",
        "DELETE FROM housed_employment WHERE old_level = 1",
        "ALTER TABLE housed_employment RENAME old_level TO level",
    )
    assert standing() == BEFORE
    install()
    assert standing() == WITHOUT


@only_on("postgresql", "On SQLite the member must have a house.")
def test_member_may_be_written_before_the_house(housed: World) -> None:
    new = House(short="barn", title="Barn")
    with transaction.atomic():
        Employment.objects.create(house_id=new.pk, person=person("viewer"))
        new.save(force_insert=True)
    assert standing("barn") == {"viewer": ("member", True)}


@on_postgresql
def test_who_is_hired_again_while_dismissed_stays(housed: World) -> None:
    """Whoever writes second waits for the first, and then reads what both have written."""
    with meanwhile(f"{HIRED} VALUES ('{house().pk}', {person('viewer').pk}, 5, false)"):
        execute("DELETE FROM housed_employment WHERE level = 1")
    assert standing() == {**BEFORE, "viewer": ("reviewer", True)}
    with meanwhile("DELETE FROM housed_employment WHERE level = 5"):
        hire("viewer")
    assert standing() == BEFORE


@contextmanager
def meanwhile(statement: str) -> Iterator[None]:
    """Another connection waits with this statement until the block's transaction has ended."""

    def write() -> None:
        execute(statement)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            yield
            waiting = pool.submit(write)
            until_blocking(connection)
        waiting.result()

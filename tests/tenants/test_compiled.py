"""Statements that are written once."""

import sys
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models import BigIntegerField, Count, DateTimeField, TextField
from django.test.utils import CaptureQueriesContext

from tenants.compiled import Among, Compiled, Parameter, by_any
from tenants.models import Membership, Tenant, User
from tests.world import World

MEMBERS = Compiled(
    lambda: Membership.objects.filter(
        tenant_id=Parameter("tenant"), user__username=Parameter("name"), is_active=True
    ).select_related("user", "tenant")
)


def test_rows_are_those_of_the_query_set_whatever_the_values(world: World) -> None:
    for tenant in world.tenants.values():
        for name in ("owner", "viewer", "nobody", "' OR 1=1 --", "%s"):
            rows = MEMBERS(tenant=tenant.pk, name=name)
            assert rows == list(Membership.objects.filter(tenant=tenant, user__username=name))


def test_related_rows_come_with_one_query(world: World) -> None:
    with CaptureQueriesContext(connection) as queries:
        [member] = MEMBERS(tenant=world.tenants["acme"].pk, name="owner")
        assert (member.user.username, member.tenant.slug) == ("owner", "acme")
    assert len(queries) == 1


def test_each_statement_of_ours_can_be_written(django_db_setup: None) -> None:
    """Whichever test asks one first writes it, and that may be one that is not measured."""
    ours = ("permissions.", "realtime.", "tenants.")
    modules = [module for name, module in sys.modules.items() if name.startswith(ours)]
    held = (each for module in modules for each in vars(module).values())
    statements = [each for each in held if isinstance(each, Compiled)]
    assert len(statements) > 5
    for each in statements:
        assert each.write()[2].startswith("SELECT ")


def test_text_is_written_once(world: World) -> None:
    built: list[Any] = []

    def build() -> Any:
        built.append(None)
        return User.objects.filter(pk=Parameter("pk"))

    users = Compiled(build)
    for name in ("owner", "viewer"):
        assert users(pk=world.user(name).pk) == [world.user(name)]
    assert built == [None]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_any_number_of_keys_is_one_parameter(world: World, number: int) -> None:
    users = Compiled(
        lambda: User.objects.filter(pk__in=Among("keys", BigIntegerField())).order_by("pk")
    )
    wanted = list(User.objects.order_by("pk")[:number])
    assert users(keys={user.pk for user in wanted}) == wanted
    assert "unnest" not in users.write()[2]


def test_any_number_of_texts_is_one_parameter(world: World) -> None:
    tenants = Compiled(lambda: Tenant.objects.filter(slug__in=Among("slugs", TextField())))
    assert tenants(slugs=["acme", "nowhere"]) == [world.tenants["acme"]]


@pytest.mark.parametrize("kind", ["bigint", "varchar(50)", "timestamp with time zone"])
def test_keys_are_looked_for_together(kind: str) -> None:
    """PostgreSQL reads an index once for all of an array, and joins the rows of a subquery."""
    asked = f'SELECT 1 WHERE "a" IN (SELECT unnest(%s::{kind}[])) AND NOT ("b" IN (SELECT 2))'
    assert by_any(asked) == f'SELECT 1 WHERE "a" = ANY(%s::{kind}[]) AND NOT ("b" IN (SELECT 2))'


def test_keys_may_be_excluded(world: World) -> None:
    others = Compiled(lambda: User.objects.exclude(pk__in=Among("keys", BigIntegerField())))
    first, *rest = User.objects.order_by("pk")
    assert set(others(keys=[first.pk])) == set(rest)


def test_value_is_prepared_as_its_field_says(world: World) -> None:
    since = Compiled(
        lambda: User.objects.filter(date_joined__gt=Parameter("since", DateTimeField()))
    )
    assert since(since=datetime(2000, 1, 1, tzinfo=UTC))
    assert not since(since=datetime(3000, 1, 1, tzinfo=UTC))


def test_aggregates_and_tuples_are_those_of_the_query_set(world: World) -> None:
    counted = Compiled(
        lambda: (
            Membership.objects.filter(tenant_id=Parameter("tenant"))
            .values_list("tenant_id")
            .annotate(Count("pk"))
            .order_by()
        )
    )
    acme = world.tenants["acme"]
    number = Membership.objects.filter(tenant=acme).count()
    assert counted(tenant=acme.pk) == [(acme.pk, number)]


def test_other_rows_are_fetched_as_the_query_set_says(world: World) -> None:
    users = Compiled(
        lambda: User.objects.filter(pk=Parameter("pk")).prefetch_related("earshot_memberships")
    )
    for name in ("owner", "viewer"):
        [user] = users(pk=world.user(name).pk)
        with CaptureQueriesContext(connection) as queries:
            assert all(place.user_id == user.pk for place in user.earshot_memberships.all())
        assert not queries


@pytest.mark.django_db(transaction=True)
def test_each_thread_asks_on_its_own_connection(world: World) -> None:
    tenant = world.tenants["acme"].pk
    assert MEMBERS(tenant=tenant, name="owner")
    found: list[Any] = []

    def ask() -> None:
        found.extend(MEMBERS(tenant=tenant, name="owner"))
        connection.close()

    with CaptureQueriesContext(connection) as queries:
        thread = Thread(target=ask)
        thread.start()
        thread.join()
    assert len(found) == 1
    assert not queries

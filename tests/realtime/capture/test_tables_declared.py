"""Each declared table has what its declaration says: raw writes to a row touch whom it names."""

from __future__ import annotations

from typing import Any

import pytest
from guardian.shortcuts import assign_perm
from knox.models import AuthToken

from realtime.audit.models import Connection
from realtime.capture.installing import wanted
from realtime.capture.tables import Access, accesses
from tenants.models import Revocation
from tests.databases import on_postgresql
from tests.realtime.capture.access_cases import readers
from tests.realtime.capture.declared import not_ended, truncated, wrong
from tests.realtime.capture.test_tables_accesses import peopled
from tests.world import World

__all__ = ["peopled"]

ALL = accesses()
OBJECTS = ("document", "profile")
TRUNCATED = sorted({t.table for t in wanted("postgresql") if t.name.endswith("_truncated")})
EMPTIED = sorted({t.table for t in wanted("postgresql") if t.name.endswith("_emptied")})


def name_of(access: Access) -> str:
    return " ".join(filter(None, [access.table, access.cause, access.name]))


@pytest.fixture
def full(peopled: World) -> World:
    """Every declared table has a row that touches somebody."""
    AuthToken.objects.filter(user=peopled.user("viewer")).delete()  # it had ended
    Connection.objects.update(closing=True)
    token: Any = AuthToken.objects.get(user=peopled.user("both"))
    Revocation.objects.create(tenant=peopled.tenants["globex"], kind="token", key=token.pk)
    profile = peopled.profile("viewer")
    assign_perm("own_profile", peopled.user("member"), profile)
    assign_perm("administer_profile", readers(), profile)
    return peopled


@pytest.mark.django_db
@pytest.mark.parametrize("access", ALL, ids=name_of)
def test_raw_write_to_a_declared_row_touches_whom_it_names(full: World, access: Access) -> None:
    assert wrong(access) == []


@on_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("table", TRUNCATED)
def test_truncated_table_touches_everything_once_for_each_that_it_empties(
    full: World, table: str
) -> None:
    found, must = truncated(table)
    assert found == must != {}


@on_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("table", EMPTIED)
def test_emptied_table_ends_what_its_rows_were(full: World, table: str) -> None:
    assert not_ended(table) == []


GRANT = {"permission_id", "content_object_id"}
COUNTING = {
    "earshot_tenants_membership membership": {"tenant_id", "user_id", "role", "is_active"},
    "earshot_tenants_tenant tenant": {"is_active"},
    "earshot_tenants_user user": {"is_active"},
    "earshot_tenants_user password": {"password"},
    "earshot_tenants_user_groups groups": {"user_id", "group_id"},
    "knox_authtoken credential": {"digest", "user_id", "expiry"},
    "earshot_tenants_session credential": {"session_key", "user_id", "expire_date"},
    "earshot_tenants_revocation revoked": set(),
    "earshot_realtime_connection closed": {"closing"},
    "auth_permission permission": {"id", "codename", "content_type_id"},
    "django_content_type content type": {"id", "app_label", "model"},
    "auth_group group": {"id", "name"},
    **{f"resources_{what}usergrant granted": {"user_id", *GRANT} for what in OBJECTS},
    **{f"resources_{what}groupgrant granted": {"group_id", *GRANT} for what in OBJECTS},
}


def test_these_columns_count() -> None:
    """A column that is left out is missed here: the tests of declarations follow them."""
    found = {f"{a.table} {a.cause}": {*a.watch, a.until} - {""} for a in ALL}
    assert found == COUNTING

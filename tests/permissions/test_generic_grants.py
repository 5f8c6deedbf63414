"""What a project granted in guardian's generic tables is not lost without a word."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection
from guardian.models import GroupObjectPermission, UserObjectPermission

from permissions import decision, generic_grants
from permissions.audiences import registry
from permissions.model_checks import check_generic_grants, check_indexes
from permissions.sources import Direct, Generic
from resources.audiences import DOCUMENTS
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant
from tenants.models import User
from tests.keyed.place import installed, keyed, place_of
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = pytest.mark.django_db


def generic(model: Any, codename: str, obj: Any, pk: str = "", **whom: Any) -> None:
    """A row as guardian would have written it before the model had tables of its own."""
    table: Any = UserObjectPermission if "user" in whom else GroupObjectPermission
    kind = ContentType.objects.get_for_model(model)
    permission = Permission.objects.get(content_type=kind, codename=codename)
    row = table(permission=permission, content_type=kind, object_pk=pk or str(obj.pk), **whom)
    table.objects.bulk_create([row])


def warned() -> list[Any]:
    return [message.id for message in check_generic_grants(databases=["default"])]


def copied(*labels: str) -> str:
    out = StringIO()
    call_command("copy_grants", *labels, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def place(db: None) -> World:
    return World()


def test_rows_give_nothing_and_a_check_says_so_until_they_are_copied(place: World) -> None:
    member, crowd = place.user("member"), Group.objects.create(name="crowd")
    generic(Document, "change_document", place.document, user=member)
    generic(Document, "view_document", place.document, group=crowd)
    pair = (member.pk, place.document.pk)
    acme = place.tenants["acme"].pk
    assert decision.audiences(DOCUMENTS, acme, [pair]) == {pair: None}
    assert check_generic_grants(databases=None) == []
    assert warned() == ["earshot.W064"]
    assert copied("resources.document") == "resources.document: 2 copied\n"
    assert decision.audiences(DOCUMENTS, acme, [pair]) == {pair: DOCUMENTS.audience("editor")}
    assert DocumentGroupGrant.objects.filter(group=crowd, content_object=place.document).exists()
    assert warned() == []
    assert UserObjectPermission.objects.count() == 1
    assert copied() == "resources.document: 0 copied\nresources.profile: 0 copied\n"


def test_rows_of_nothing_are_left_out(place: World) -> None:
    before = DocumentUserGrant.objects.count()
    key = place.document.pk
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in str(key))
    for pk in ("99999999", "9" * 40, "no number", f"0{key}", f" {key}", f"0_{key}", wide):
        generic(Document, "view_document", None, pk, user=place.user("member"))
    generic(User, "view_user", place.user("owner"), user=place.user("member"))
    assert warned() == []
    assert copied("resources.document") == "resources.document: 0 copied\n"
    assert DocumentUserGrant.objects.count() == before


def test_interrupted_copy_goes_on_where_it_was(
    place: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generic_grants, "BATCH", 2)
    people = [place.user(name) for name in ("member", "both", "admin")]
    for user in people:
        generic(Document, "change_document", place.document, user=user)
    copying: Any = generic_grants.copy(DOCUMENTS)
    assert next(copying) == (2, 2)
    copying.close()
    assert list(generic_grants.copy(DOCUMENTS)) == [(2, 0), (1, 1)]


def test_unknown_model_is_named(place: World) -> None:
    with pytest.raises(CommandError, match=r"'boards\.task' is not a declared resource"):
        copied("boards.task")


def test_they_are_warned_of_before_the_tables_of_the_model_are_made(place: World) -> None:
    """As `migrate` asks first: afterwards, nobody would look before the next one."""
    assert not generic_grants.is_missing(DOCUMENTS, set())
    there = {*connection.introspection.table_names()} - {
        DocumentUserGrant._meta.db_table, DocumentGroupGrant._meta.db_table,
    }  # fmt: skip
    assert not generic_grants.is_missing(DOCUMENTS, there)
    generic(Document, "view_document", place.document, user=place.user("member"))
    assert generic_grants.is_missing(DOCUMENTS, there)
    assert not generic_grants.is_missing(DOCUMENTS, there - {UserObjectPermission._meta.db_table})


def test_what_is_read_is_no_reason_to_warn(place: World, monkeypatch: pytest.MonkeyPatch) -> None:
    generic(Document, "view_document", place.document, user=place.user("member"))
    both = replace(DOCUMENTS, sources=(Direct(), Generic()))
    monkeypatch.setattr(registry, "_resources", {DOCUMENTS.label: both})
    assert warned() == []


@pytest.mark.django_db(transaction=True)
def test_index_is_missed_until_the_command_makes_it(
    place: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(command: str) -> str:
        out = StringIO()
        call_command(command, stdout=out)
        return out.getvalue()

    assert said("index_grants") == ""
    assert check_indexes(databases=["default"]) == check_indexes(databases=None) == []
    both = replace(DOCUMENTS, sources=(Direct(), Generic()))
    monkeypatch.setattr(registry, "_resources", {DOCUMENTS.label: both})
    tables = [table for table in both.grant_tables if table.is_generic]
    assert [m.id for m in check_indexes(databases=["default"])] == ["earshot.W066"] * 2
    assert said("index_grants") == "".join(f"{table.table}: indexed\n" for table in tables)
    assert said("index_grants") == "".join(f"{table.table}: has its index\n" for table in tables)
    assert check_indexes(databases=["default"]) == []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP INDEX {table.table}_by_object")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["unique", "named"])
def test_keys_of_other_types_are_copied(keyed: World, name: str) -> None:
    place = place_of(keyed, name)
    obj, member = place.create(1), keyed.user("member")
    if name == "unique":  # which guardian honours for nobody
        for text in (str(obj.pk).upper(), f"{{{obj.pk}}}", obj.pk.hex):
            generic(place.model, f"view_{name}", obj, text, user=member)
        assert copied(place.resource.label) == f"{place.resource.label}: 0 copied\n"
    generic(place.model, f"view_{name}", obj, user=member)
    assert copied(place.resource.label) == f"{place.resource.label}: 1 copied\n"
    assert member.has_perm(f"view_{name}", obj)
    UserObjectPermission.objects.all().delete()

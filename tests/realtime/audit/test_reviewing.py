"""`review verify` and `review export`: what they print, with which exit code, and elsewhere."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from realtime.audit import inquiries
from realtime.audit.inquiries import Inquiry
from realtime.audit.models import Access, ChainEntry, ChainHead, ChainPosition
from realtime.audit.verifying import INSERTED, SAYS
from realtime.audit.viewings import Applied
from tenants.models import Tenant
from tests.realtime.audit.rows_of_ledger import access, chain, in_json, review
from tests.realtime.audit.sight import hours, viewed
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

BROKEN = "BROKEN  earshot_realtime.Access"


@pytest.fixture
def acme(db: None) -> Tenant:
    """A tenant with three accesses, of which there is a chain."""
    acme = Tenant.objects.create(slug="acme", name="Acme")
    for number in range(3):
        access(acme, object_id=number)
    assert chain() == 3
    return acme


def test_intact_ledger(acme: Tenant) -> None:
    head = ChainHead.objects.get()
    code, printed = review("verify", "--tenant", "acme")
    assert code == 0
    assert printed == (
        "The ledger of acme is intact: 3 entries, and 0 that prune took away.\n"
        f"Head: 3:{bytes(head.digest).hex()}\n"
    )


def test_rows_that_nobody_has_chained_yet_are_chained_first(acme: Tenant) -> None:
    access(acme)
    assert review("verify", "--tenant", "acme")[1].startswith(
        "The ledger of acme is intact: 4 entries"
    )


def test_edited_deleted_and_inserted_rows_are_named_in_a_line_each(acme: Tenant) -> None:
    first, second, third = Access.objects.order_by("pk")
    Access.objects.filter(pk=first.pk).update(audience="owner")
    second_pk = second.pk
    second.delete()
    late = access(acme, began_at=timezone.now() - timedelta(days=1))
    code, printed = review("verify", "--tenant", "acme")
    assert code == 1
    assert printed.splitlines()[:3] == [
        f"{BROKEN} {first.pk} (entry 1, access): edited after it was chained.",
        f"{BROKEN} {second_pk} (entry 2, access): deleted, and not by prune.",
        f"{BROKEN} {late.pk} (entry 4, access): {SAYS[INSERTED]}.",
    ]
    assert printed.splitlines()[3].startswith("The ledger of acme is broken: 4 entries")
    assert third.pk not in (first.pk, late.pk)


def test_entries_that_are_gone_or_altered_are_named_by_their_places(acme: Tenant) -> None:
    for _ in range(3):
        access(acme)
    chain()
    ChainEntry.objects.filter(sequence__in=(2, 3)).delete()
    ChainEntry.objects.filter(sequence=5).update(row=7)
    ChainEntry.objects.filter(sequence=6).delete()
    code, printed = review("verify", "--tenant", "acme")
    assert code == 1
    assert "BROKEN  Entries 2 to 3: missing from the chain.\n" in printed
    assert f"{BROKEN} 7 (entry 5): altered, moved or forged" in printed
    assert "BROKEN  Entry 6: missing from the chain.\n" in printed


def test_entry_of_a_kind_that_nobody_knows_is_named(acme: Tenant) -> None:
    ChainEntry.objects.filter(sequence=3).update(kind="other")
    code, printed = review("verify", "--tenant", "acme")
    assert code == 1
    assert "BROKEN  Entry 3: altered" in printed


def test_end_that_was_cut_is_seen_against_a_head(acme: Tenant) -> None:
    head = review("verify", "--tenant", "acme")[1].split("Head: ")[1].strip()
    assert review("verify", "--tenant", "acme", "--head", head)[0] == 0
    last = ChainEntry.objects.get(sequence=3)
    before = ChainEntry.objects.get(sequence=2)
    Access.objects.filter(pk=last.row).delete()
    last.delete()
    ChainHead.objects.update(sequence=2, digest=before.digest)
    assert review("verify", "--tenant", "acme")[0] == 0
    code, printed = review("verify", "--tenant", "acme", "--head", head)
    assert code == 1
    assert printed.startswith("BROKEN  Entry 3: cut off the end of the chain.\n")


def test_head_that_was_pruned_is_said(acme: Tenant) -> None:
    head = review("verify", "--tenant", "acme")[1].split("Head: ")[1].strip()
    Access.objects.update(ended_at=timezone.now() - timedelta(days=100))
    call_command("prune", "--older-than", "90d", stdout=StringIO())
    code, printed = review("verify", "--tenant", "acme", "--head", head)
    assert code == 0
    assert printed.splitlines()[:2] == [
        "The head that was given is pruned; the chain goes on after it.",
        "The ledger of acme is intact: 0 entries, and 6 that prune took away.",
    ]


def test_programs_are_told_the_same(acme: Tenant) -> None:
    assert in_json("verify", "--tenant", "acme")[1]["intact"]
    edited = Access.objects.order_by("pk")[0]
    Access.objects.filter(pk=edited.pk).update(audience="owner")
    code, told = in_json("verify", "--tenant", "acme")
    assert code == 1
    assert told["faults"] == [
        {
            "what": "edited", "first": 1, "last": 1, "kind": "access", "row": edited.pk,
            "says": "edited after it was chained", "table": "earshot_realtime.Access",
        }
    ]  # fmt: skip
    assert {name: told[name] for name in ("tenant", "intact", "entries", "pruned")} == {
        "tenant": "acme", "intact": False, "entries": 3, "pruned": 0,
    }  # fmt: skip


def test_all_tenants_are_verified_one_after_the_other(acme: Tenant) -> None:
    Tenant.objects.create(slug="globex", name="Globex")
    code, printed = review("verify", "--all-tenants")
    assert code == 0
    assert [line.split(" is ")[0] for line in printed.splitlines()[::2]] == [
        "The ledger of acme", "The ledger of globex",
    ]  # fmt: skip
    assert [each["tenant"] for each in in_json("verify", "--all-tenants")[1]] == ["acme", "globex"]
    Access.objects.update(audience="owner")
    assert review("verify", "--all-tenants")[0] == 1


UNANSWERABLE: dict[str, tuple[tuple[str, ...], str]] = {
    "tenant": (("verify", "--tenant", "none"), "There is no tenant 'none'; there are: acme."),
    "export": (("export", "--tenant", "none", "--output", "x"), "There is no tenant 'none'"),
    "head": (("verify", "--tenant", "acme", "--head", "x"), "'x' is not a head: give a sequence"),
    "heads": (
        ("verify", "--all-tenants", "--head", "1:" + "0" * 64),
        "--head is of one ledger: say --tenant SLUG or --file FILE.",
    ),
    "file": (("verify", "--file", "/nowhere/x"), "it cannot be read"),
    "folder": (("export", "--tenant", "acme", "--output", "/nowhere/x"), "cannot be created"),
}


@pytest.mark.parametrize("case", UNANSWERABLE)
def test_what_cannot_be_answered_is_one_line_that_says_what_to_do(acme: Tenant, case: str) -> None:
    args, says = UNANSWERABLE[case]
    code, printed = review(*args)
    assert code == 2
    assert says in printed
    assert "\n" not in printed


def test_ledger_of_a_tenant_that_is_being_deleted_is_not_asked_for(acme: Tenant) -> None:
    Tenant.objects.update(is_active=False, deleting_since=timezone.now())
    assert review("verify", "--tenant", "acme") == (
        2, "acme is being deleted, and its ledger with it.",
    )  # fmt: skip
    assert review("verify", "--all-tenants") == (0, "")


def test_key_that_is_not_given_is_named(acme: Tenant, settings: Settings) -> None:
    settings.LEDGER_KEYS = ["a new one" * 4]
    access(acme)
    chain()
    settings.LEDGER_KEYS = []
    code, printed = review("verify", "--tenant", "acme")
    assert code == 2
    assert "is not given: add it at the end of EARSHOT_LEDGER_KEYS." in printed


def test_rows_of_live_lists_are_named_when_somebody_edits_them(world: World) -> None:
    tenant = world.tenants["acme"]
    viewing = viewed(world, "viewer", ended_at=hours(0), ended="unsubscribed")
    applied = Applied.objects.get(tenant=tenant)
    assert review("verify", "--tenant", "acme")[0] == 0
    edits: list[tuple[Any, str, Any]] = [
        (viewing, "where", {"status": ["draft"]}),
        (viewing, "ended", "disconnected"),
        (applied, "read", 0),
    ]
    for row, column, value in edits:
        before, rows = getattr(row, column), type(row)._base_manager.filter(pk=row.pk)
        rows.update(**{column: value})
        code, said = review("verify", "--tenant", "acme")
        assert code == 1
        assert f"BROKEN  {type(row)._meta.label} {row.pk} (entry" in said, said
        rows.update(**{column: before})
    applied.delete()
    assert "earshot_realtime.Applied" in review("verify", "--tenant", "acme")[1]


def edited() -> list[str]:
    """What verify says of all tenants, without numbers."""
    code, told = in_json("verify", "--all-tenants")
    assert code == 1
    return sorted({fault["what"] for each in told for fault in each["faults"]})


def other() -> Tenant:
    """A second tenant with as many accesses and a chain."""
    globex = Tenant.objects.create(slug="globex", name="Globex")
    for number in range(3):
        access(globex, object_id=number)
    assert chain() == 3
    return globex


def swap(rows: Any, one: Tenant, two: Tenant) -> None:
    """Exchange the tenants of these rows, as somebody with a connection would."""
    away, mine = 10**6, list(rows.filter(tenant=one).values_list("pk", flat=True))
    rows.filter(tenant=one).update(tenant=away)
    rows.filter(tenant=two).update(tenant=one)
    rows.filter(tenant=away, pk__in=mine).update(tenant=two)


def test_swaps_between_tenants_are_named(acme: Tenant) -> None:
    globex = other()
    pair = [Access.objects.filter(tenant=each).first() for each in (acme, globex)]
    swap(Access.objects.filter(pk__in=[each.pk for each in pair if each]), acme, globex)
    assert edited() == ["edited"]


def test_entries_that_are_swapped_between_tenants_are_named(acme: Tenant) -> None:
    globex = other()
    swap(ChainEntry.objects.filter(sequence=2), acme, globex)
    assert "altered" in edited()


def test_access_that_is_opened_again_is_named(acme: Tenant) -> None:
    last = Access.objects.order_by("pk").last()
    assert last
    Access.objects.filter(pk=last.pk).update(ended_at=timezone.now(), ended="revoked")
    assert review("verify", "--tenant", "acme")[0] == 0
    Access.objects.filter(pk=last.pk).update(ended_at=None, ended="")
    code, printed = review("verify", "--tenant", "acme")
    assert (code, printed.count("edited after it was chained")) == (1, 1)


def test_row_that_takes_the_key_of_a_deleted_one_is_named(acme: Tenant) -> None:
    first = Access.objects.order_by("pk").first()
    assert first
    pk = first.pk
    first.delete()
    access(acme, pk=pk, user_id=8)
    assert edited() == ["edited"]


def test_row_before_a_position_that_was_moved_is_named(acme: Tenant) -> None:
    """Whoever moves the chain's position has later looks pass the row over."""
    access(acme)
    assert chain() == 1
    access(acme, began_at=timezone.now() - timedelta(days=1), xid=None)
    ChainPosition.objects.update(marks={}, at=timezone.now())
    assert edited() == ["inserted"]


@pytest.mark.parametrize("what", ["edited", "deleted"])
def test_who_asked_is_in_the_chain(acme: Tenant, what: str) -> None:
    inquiries.record(acme.pk, 7, "who-saw", {"id": "x"})
    assert review("verify", "--tenant", "acme")[0] == 0
    rows = Inquiry.objects.filter(user_id=7)
    if what == "edited":
        rows.update(user_id=8)
    else:
        rows.delete()
    code, printed = review("verify", "--tenant", "acme")
    assert code == 1
    assert (
        f"earshot_realtime.Inquiry {Inquiry.objects.get().pk if what == 'edited' else ''}"
        in printed
    )

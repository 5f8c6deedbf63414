"""`manage.py review what-if`: who would see more or less, said to the operator."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import CommandError

from resources.audiences import DOCUMENTS
from resources.models import Document
from tenants import opaque
from tenants.models import Membership
from tests.world import World

ACME = ("--tenant", "acme")
DOCUMENT = ("--model", "resources.document")
PLAN = (*DOCUMENT, "--called", "Plan")


def ask(*args: str) -> str:
    out = StringIO()
    call_command("review", "what-if", *ACME, *args, stdout=out)
    return out.getvalue()


def refused(*args: str) -> str:
    with pytest.raises(CommandError) as error:
        ask(*args)
    assert error.value.returncode == 2
    assert "\n" not in str(error.value)
    return str(error.value)


def test_widened_audience_is_told_by_users_objects_and_fields(world: World) -> None:
    said = ask("--widen", "viewer", "--role", "member", *DOCUMENT)
    for line in (
        "resources.document: 2 users would see 1 object differently.",
        "  nothing -> viewer: 2 users, 1 object (2 pairs)",
        "    more: id, title, body, status, owner_name, updated_at",
        f"  member  {world.id}  nothing  viewer",
    ):
        assert f"{line}\n" in said
    assert "less" not in said
    assert ask("--widen", "editor", "--holder", "owner", *DOCUMENT).count("less: budget") == 1
    said = ask("--widen", "editor", "--permission", "view_document", *DOCUMENT)
    assert "viewer -> editor: 1 user" in said
    assert "editor -> nothing: 1 user" in said


def test_each_change_is_told(world: World) -> None:
    group = Group.objects.create(name="board")
    group.user_set.add(world.user("viewer"))
    invited = Membership.objects.get(tenant=world.tenants["acme"], user=world.user("both"))
    Membership.objects.filter(pk=invited.pk).update(is_active=False)
    for args, line in (
        (("--become", "admin", "--user", "member"), "  nothing -> auditor: 1 user, 1 object"),
        (("--join", "--user", "rival", "--role", "admin"), "  nothing -> auditor: 1 user"),
        (("--join", "--user", "rival"), "  nothing -> member: 1 user, 6 objects"),
        (("--join", "--user", "both"), "  self"),
        (("--leave", "--user", "editor"), "  editor -> nothing: 1 user, 1 object"),
        (("--deactivate", "--user", "owner"), "  owner -> nothing: 1 user, 1 object"),
        (("--grant", "viewer", "--role", "member", *PLAN), "  nothing -> viewer: 1 user"),
        (("--grant", "editor", "--user", "viewer", *PLAN), "  viewer -> editor: 1 user"),
        (("--revoke", "--user", "editor", *PLAN), "  editor -> nothing: 1 user"),
        (("--set", "owner=editor", *PLAN), "  editor -> owner: 1 user"),
        (("--become", "admin", "--user", "both"), "Nobody would see more or less."),
        (("--enter", "board", "--user", "member"), "Nobody would see more or less."),
        (("--quit", "board", "--user", "viewer"), "Nobody would see more or less."),
    ):
        assert line.strip() in ask(*args), args


def test_column_that_hides_is_told(world: World, declare: Any) -> None:
    declare(replace(DOCUMENTS, visible_by={"status": "draft"}))
    said = ask("--set", "status=published", *PLAN)
    assert "owner -> nothing: 1 user, 1 object (1 pair)" in said
    assert "--set: Value 'lost' is not a valid choice." in refused("--set", "status=lost", *PLAN)


def test_list_is_bounded_and_the_count_is_not(world: World) -> None:
    for number in range(30):
        world.create(title=str(number))
    said = ask("--widen", "viewer", "--role", "member", *DOCUMENT)
    assert "  and 102 more\n" in said
    assert said.count("  nothing  viewer") == 20
    told = json.loads(ask("--widen", "viewer", "--role", "member", *DOCUMENT, "--format", "json"))
    [row] = told
    assert (row["users"], row["objects"], len(row["listed"])) == (4, 31, 20)
    assert {each["before"] for each in row["moves"]} == {None}
    assert row["listed"][0]["username"] in world.users


def test_what_there_is_not_is_one_line_that_says_what_to_do(world: World) -> None:
    theirs = opaque.encode(Document, world.create("globex", "rival").pk)
    for args, said in (
        (("--grant", "reader", "--user", "member", *PLAN), "--grant: 'reader' is none of: owner,"),
        (("--grant", "viewer", *PLAN), "--user: say a user or a role, and not both."),
        (
            ("--grant", "viewer", "--role", "reviewer", *PLAN),
            "--role: 'reviewer' is none of: ",
        ),
        (("--grant", "viewer", "--role", "member"), "--model: say it too, as in --model app.model"),
        (("--revoke", "--role", "member", *DOCUMENT), "--id: say which object, with --id or"),
        (("--revoke", "--role", "member", *DOCUMENT, "--id", theirs), "ids are as clients see"),
        (("--revoke", "--role", "member", *DOCUMENT, "--id", "?"), "ids are as clients see"),
        (("--leave",), "--user: say it too, as in --user NAME."),
        (("--leave", "--user", "nobody"), "There is no user 'nobody'; say a username,"),
        (("--leave", "--user", "rival"), "user: 'rival' is no member of acme; ask what joining"),
        (("--become", "king", "--user", "member"), "--become: 'king' is none of: admin, reviewer,"),
        (("--enter", "x", "--user", "member"), "There is no group 'x'; the operator's pages"),
        (("--set", "title=X", *PLAN), "--set: 'title' is none of: owner."),
        (("--set", "owner", *PLAN), "--set: say which user; this column cannot be empty."),
        (("--widen", "viewer", *DOCUMENT), "--widen: say by what it is wider: a role, a holder"),
        (
            ("--widen", "viewer", "--holder", "title", *DOCUMENT),
            "--holder: 'title' is none of: owner",
        ),
        (
            ("--widen", "viewer", "--role", "x", "--model", "a.b"),
            "There is no model 'a.b'; say one",
        ),
        (("--tenant", "acne", "--leave", "--user", "x"), "There is no tenant 'acne'; there are:"),
    ):
        assert said in refused(*args), args


def test_help_has_an_example(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        call_command("review", "what-if", "--help")
    assert "what-if --tenant acme --widen viewer --role member" in capsys.readouterr().out

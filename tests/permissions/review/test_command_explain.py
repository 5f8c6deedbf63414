"""`manage.py review explain`: what the operator is told, in plain words."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import CommandError
from guardian.shortcuts import assign_perm

from realtime.models import Held
from resources.models import Document
from tenants import opaque
from tests.world import World


def ask(*args: str, code: int = 0) -> str:
    out = StringIO()
    if code == 0:
        call_command("review", "explain", *args, stdout=out)
        return out.getvalue()
    with pytest.raises(CommandError) as refused:
        call_command("review", "explain", *args, stdout=out)
    assert refused.value.returncode == code
    return str(refused.value)


ACME = ("--tenant", "acme", "--model", "resources.document")


def test_command_tells_the_whole_of_it(world: World) -> None:
    said = ask(*ACME, "--id", world.id, "--user", "viewer")
    assert said.startswith(f"viewer in acme, resources.document {world.id}\n")
    for line in (
        "They are in the audience viewer.",
        "  permission  view_document",
        "  how         a grant to them",
        "  stored in   resources.documentusergrant",
        "  granted by  not through the API: by a script, or another program",
        "  editor: no, no grant of change_document reaches them.",
        '    "title": "Plan",',
    ):
        assert f"{line}\n" in said
    assert re.search(r"^  since       20\S+\+00:00$", said, re.MULTILINE)
    assert "10.00" not in said


def test_command_tells_who_gave_it(world: World) -> None:
    url = f"{world.url}grants/user:{world.user_id('member')}/"
    world.rest("owner").put(url, {"audience": "viewer"})
    assert "  granted by  owner\n" in ask(*ACME, "--id", world.id, "--user", "member")
    group = Group.objects.create(name="auditors")
    assign_perm("change_document", group, world.document)
    group.user_set.add(world.user("member"))
    said = ask(*ACME, "--id", world.id, "--user", world.user_id("member"))
    assert "  how         a grant to a group of the operator's (auditors)\n" in said


def test_giver_who_is_gone_is_said_to_be(world: World) -> None:
    world.grant("both", "owner")
    url = f"{world.url}grants/user:{world.user_id('member')}/"
    world.rest("both").put(url, {"audience": "viewer"})
    world.user("both").delete()
    for _ in ("by the record", "by the grant, which has a time alone"):
        said = ask(*ACME, "--id", world.id, "--user", "member")
        assert "  granted by  somebody who is gone\n" in said
        Held.objects.update(given_by=None)


def test_what_the_record_does_not_know_is_said_to_be_unknown(world: World) -> None:
    Held.objects.update(began="before the record")
    at = held_by(world, "viewer").began_at.isoformat(timespec="seconds")
    said = ask(*ACME, "--id", world.id, "--user", "viewer")
    assert f"  since       before {at}, when the record began\n" in said
    Held.objects.all().delete()
    said = ask(*ACME, "--id", world.id, "--user", "viewer")
    assert "  since       not recorded\n" in said


def held_by(world: World, username: str) -> Held:
    return Held.objects.get(principal=f"user:{world.user(username).pk}", ended_at=None,
                            model="resources.document")  # fmt: skip


def test_command_tells_defaults_and_who_sees_nothing(world: World) -> None:
    said = ask(*ACME, "--called", "Plan", "--user", "owner")
    assert "  granted by  nobody: it is declared\n" in said
    assert re.search(r"^  since       20\S+\+00:00$", said, re.MULTILINE)
    assert "Tried" not in said
    said = ask(*ACME, "--called", "Plan", "--user", "member")
    assert "They are in no audience: nothing of it is sent to them.\n" in said
    assert "What would change it:\n  to be the object's owner: owner\n" in said
    told = json.loads(ask(*ACME, "--id", world.id, "--user", "owner", "--format", "json"))
    assert (told["username"], told["payload"]["budget"], told["hidden"]) == ("owner", "10.00", [])


def test_command_names_everybody_who_sees_it(world: World) -> None:
    lines = ask(*ACME, "--called", "Plan").splitlines()
    assert lines[0] == f"Who sees resources.document {world.id} in acme:"
    assert [line.split()[:2] for line in lines[3:-2]] == [
        ["admin", "auditor"],
        ["editor", "editor"],
        ["owner", "owner"],
        ["viewer", "viewer"],
    ]
    assert lines[-1] == "Of 6 members 2 do not see it."
    told = json.loads(ask(*ACME, "--called", "Plan", "--format", "json"))
    assert [each["username"] for each in told] == ["admin", "editor", "owner", "viewer"]


def test_object_that_cannot_be_shown_is_said_to_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> Any:
        raise ValueError("unshowable")

    monkeypatch.setattr("permissions.rendering.payload", fail)
    said = ask(*ACME, "--id", world.id, "--user", "viewer")
    assert "It cannot be shown to them now; the server's log says why.\n" in said


def test_unknown_names_are_one_line_and_code_2(world: World) -> None:
    foreign = world.create("globex", "rival", title="Theirs")
    world.create(title="Twice")
    world.create(title="Twice")
    theirs = opaque.encode(Document, foreign.pk)
    cases = [
        (("--tenant", "acne", *ACME[2:], "--id", world.id), "no tenant 'acne'; there are: acme, "),
        ((*ACME[:2], "--model", "a.b", "--id", world.id), "no model 'a.b'; say one of: resources."),
        (
            (*ACME, "--id", world.id, "--user", "nobody"),
            "no user 'nobody'; say a username",
        ),
        ((*ACME, "--id", "nothing"), "no resources.document in acme with the id 'nothing'; ids"),
        ((*ACME, "--id", theirs), f"no resources.document in acme with the id '{theirs}'; ids"),
        ((*ACME, "--id", theirs, "--user", "owner"), f"in acme with the id '{theirs}'; ids"),
        ((*ACME, "--called", "Theirs"), "no resources.document in acme called 'Theirs'; say"),
        ((*ACME, "--called", "Twice"), "no single resources.document in acme called 'Twice'; say"),
    ]
    for args, said in cases:
        text = ask(*args, code=2)
        assert said in text
        assert "\n" not in text


def test_help_has_an_example(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        call_command("review", "explain", "--help")
    assert 'review explain --tenant acme --model resources.document --called "Quarterly plan"' in (
        capsys.readouterr().out
    )

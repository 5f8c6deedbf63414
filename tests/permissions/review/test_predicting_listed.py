"""What is supposed of a project's own rows is what writing them does, for everybody."""

from __future__ import annotations

import random
from io import StringIO
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.base import CommandError

from permissions import decision
from permissions.audiences import registry
from permissions.review.hypotheses import Grouping, Listing
from permissions.review.predicting import predict
from permissions.rows import Listed
from permissions.rows import listed as sources
from tests.listed.place import Access, Note, Share, Task, Team, id, installed, listed, note, task
from tests.permissions.test_rows import Truth
from tests.world import World

__all__ = ["installed", "listed"]

pytestmark = pytest.mark.django_db(transaction=True)


def held(truth: Truth, model: Any, tenant: Any) -> dict[tuple[Any, Any], str | None]:
    resource = registry.of(model)
    objects = truth.tasks if model is Task else truth.notes
    pairs = [(user.pk, obj.pk) for user in truth.users for obj in objects]
    found = decision.audiences(resource, tenant.pk, pairs)
    return {pair: audience.name if audience else None for pair, audience in found.items()}


def write(each: Listed, obj: Any, who: Any, audience: Any) -> None:
    """The only row that names both is this one."""
    names = each.rows.object
    if isinstance(names, str):
        values = {names: obj.project if each.rows.of else obj}
    else:
        kind = ContentType.objects.get_for_model(obj)
        values = {names[0]: kind, names[1]: obj.pk if each._is_plain(names[1]) else str(obj.pk)}
    values[each.rows.user] = who
    each.model.objects.filter(**values).delete()
    if audience is not None:
        if each.rows.level:
            level = {name: value for value, name in each.rows.audiences.items()}[audience.name]
            values[each.rows.level] = level
        each.model.objects.create(**values)


@pytest.mark.parametrize("model", [Task, Note], ids=lambda model: model.__name__)
def test_supposed_row_is_what_writing_it_does(listed: World, model: Any) -> None:
    truth, dice = Truth(listed, random.Random(5)), random.Random(6)
    objects = [t for t in truth.tasks if t.project] if model is Task else truth.notes
    resource, moved = registry.of(model), 0
    for _ in range(12):
        each, obj = dice.choice(sources(resource)), dice.choice(objects)
        who = dice.choice(list(each.team.objects.all()) if each.rows.members else truth.users)
        audience = dice.choice([*each.given, None])
        for tenant in listed.tenants.values():
            what = Listing(resource, each.number, obj.pk, who.pk, audience)
            [told] = predict(tenant.pk, what, listed=1_000, resources=[resource])
            before = held(truth, model, tenant)
            there = obj.project.tenant_id if model is Task else obj.tenant_id
            if tenant.pk != there:
                assert told.pairs == 0
                continue
            write(each, obj, who, audience)
            after = held(truth, model, tenant)
            assert {
                (m.user_id, m.pk): (
                    m.move.before and m.move.before.name,
                    m.move.later and m.move.later.name,
                )
                for m in told.listed
            } == {pair: (was, after[pair]) for pair, was in before.items() if was != after[pair]}
            moved += told.pairs
    assert moved


def test_group_that_somebody_enters_has_what_rows_give_it(listed: World) -> None:
    truth = Truth(listed, random.Random(3))
    acme, user = listed.tenants["acme"], listed.user("member")
    moved = 0
    for share in Share.objects.exclude(group=None).select_related("group"):
        before = held(truth, Note, acme)
        for enters, write_it in ((True, user.groups.add), (False, user.groups.remove)):
            what = Grouping(user.pk, share.group.name, enters)
            [told] = predict(acme.pk, what, listed=100, resources=[registry.of(Note)])
            write_it(share.group)
            after = held(truth, Note, acme)
            changed = {pair for pair, was in before.items() if was != after[pair]}
            assert {(m.user_id, m.pk) for m in told.listed} == changed
            before, moved = after, moved + len(changed)
    assert moved


def ask(*words: str) -> str:
    out = StringIO()
    call_command("review", "what-if", "--tenant", "acme", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        ask(*words)
    assert error.value.returncode == 2
    return str(error.value)


def test_command_supposes_rows_of_users_and_of_teams(listed: World) -> None:
    obj, paper, team = task(listed), note(listed), Team.objects.create()
    team.people.add(listed.user("viewer"), listed.user("member"))
    its = ("--model", "listed.task", "--id", id(obj))
    viewer = ("--user", "viewer")
    said = ask("--list", "looker", "--rows", "listed.Access", *viewer, *its)
    assert "nothing -> looker: 1 user, 1 object (1 pair)" in said
    Access.objects.create(task=obj, person=listed.user("viewer"), level=9)
    said = ask("--unlist", "--rows", "listed.Access", *viewer, *its)
    assert "keeper -> nothing: 1 user, 1 object (1 pair)" in said
    notes = ("--model", "listed.note", "--id", id(paper))
    of_team = ("--rows", "listed.Share", "--team", str(team.pk))
    assert "nothing -> keeper: 2 users" in ask("--list", "keeper", *of_team, *notes)
    assert "Nobody" in ask("--unlist", *of_team, *notes)


def ways() -> list[tuple[tuple[str, ...], str]]:
    access, share = ("--rows", "listed.Access"), ("--rows", "listed.Share")
    return [
        (("--list", "owner", *access, "--user", "viewer"), "'owner' is none of: keeper, looker"),
        (("--list", "keeper", *access), "say which user"),
        (("--list", "keeper", "--user", "viewer"), "listed.Part, listed.Access, listed.Stamp"),
        (("--list", "keeper", "--rows", "x"), "listed.Part, listed.Access, listed.Stamp"),
        (("--unlist", *share, "--user", "viewer"), "say which team"),
        (("--unlist", *share, "--team", "x"), "there is no listed.Team 'x'"),
        (("--unlist", *share, "--team", "999"), "there is no listed.Team '999'"),
        (("--unlist", "--rows", "listed.Share.group", "--team", "9"), "there is no auth.Group '9'"),
        (("--list", "keeper", "--rows", "listed.Pass", "--user", "viewer"), "none of: looker"),
    ]


@pytest.mark.each_case
@pytest.mark.parametrize(("words", "said"), ways())
def test_question_about_rows_that_lacks_something_says_so(
    listed: World, words: tuple[str, ...], said: str
) -> None:
    def about(obj: Any) -> tuple[str, ...]:
        return "--model", type(obj)._meta.label_lower, "--id", id(obj)

    is_note = {"listed.Share", "listed.Share.group", "listed.Pass"} & {*words}
    assert said in refused(*words, *about((note if is_note else task)(listed)))

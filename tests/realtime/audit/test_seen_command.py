"""`manage.py review who-saw` and `seen-by`: what the operator is told, and what is refused."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from realtime.audit.seen_command import csv_line, moment
from realtime.models import Held, Inquiry
from resources.models import Document
from tenants import opaque
from tenants.models import User
from tests.realtime.audit.sight import had, hours, pushed, read
from tests.world import World

OF_PLAN = ("who-saw", "--tenant", "acme", "--model", "resources.document", "--called", "Plan")


def ask(*args: str) -> str:
    out = StringIO()
    call_command("review", *args, stdout=out)
    return out.getvalue()


def refused(*args: str) -> str:
    with pytest.raises(CommandError) as error:
        ask(*args)
    assert error.value.returncode == 2
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def seen(world: World) -> World:
    had(world, "owner", "owner", began_at=hours(3), ended_at=hours(2), ended="unsubscribed")
    url = f"{world.url}grants/user:{world.user_id('member')}/"
    assert world.rest("owner").put(url, {"audience": "viewer"}).status_code in (200, 201)
    had(world, "member", "viewer")
    return world


def test_text_says_who_when_as_what_and_why(seen: World) -> None:
    lines = ask(*OF_PLAN).splitlines()
    assert lines[0] == f"Whose sockets had resources.document {seen.id} in acme:"
    assert lines[-1] == "2 in all. Sockets only: what is read over REST is not in the ledger."
    assert [line.split()[1] for line in lines[3:5]] == ["owner", "member"]
    assert " viewer " in lines[4]
    assert " now " in lines[4]
    assert lines[4].endswith(", granted by owner")
    assert ", since 20" in lines[4]


def test_reads_are_told_of_where_the_tenant_records_them(seen: World) -> None:
    read(seen, "editor", "editor", hours(1))
    said = ask(*OF_PLAN)
    assert said.startswith(f"Who had resources.document {seen.id} in acme:\n")
    assert said.endswith(
        "3 in all. Sockets, and what was read over REST while `record_reads` was on.\n"
    )
    assert said.splitlines()[4].endswith("  rest    not recorded")
    told = json.loads(ask(*OF_PLAN, "--format", "json"))
    assert told["sockets_only"] is False
    assert "record_reads" in told["note"]
    rows = list(csv.DictReader(StringIO(ask(*OF_PLAN, "--format", "csv"))))
    assert [row["over"] for row in rows] == ["socket", "rest", "socket"]


def test_switch_is_enough_to_say_that_reads_are_in_it(seen: World) -> None:
    seen.tenants["acme"].__class__.objects.filter(slug="acme").update(record_reads=True)
    said = ask("seen-by", "--tenant", "acme", "--user", "owner")
    assert said.startswith("What owner had in acme:\n")
    assert "1 in all. Sockets, and what" in said
    assert "Sockets only" in ask("seen-by", "--tenant", "globex", "--user", "rival")


def test_what_is_older_than_the_record_says_so(seen: World) -> None:
    Held.objects.update(began="before the record")
    line = ask(*OF_PLAN).splitlines()[4]
    assert ", since before 20" in line
    assert line.endswith(", when the record began, granted by owner")
    [_, row] = csv.DictReader(StringIO(ask(*OF_PLAN, "--format", "csv")))
    assert row["since_before"] == "yes"


def test_json_is_one_object_and_csv_a_row_each(seen: World) -> None:
    told = json.loads(ask(*OF_PLAN, "--format", "json"))
    assert told["sockets_only"] is True
    assert [row["recipient"] for row in told["rows"]] == ["owner", "member"]
    assert told["rows"][1]["granted_by"] == "owner"
    assert json.loads(ask(*OF_PLAN, "--until", "2001-01-01", "--format", "json"))["rows"] == []
    rows = list(csv.DictReader(StringIO(ask(*OF_PLAN, "--format", "csv"))))
    assert [row["recipient"] for row in rows] == ["owner", "member"]
    assert list(rows[0])[:4] == ["date", "recipient", "what", "purpose"]
    assert (rows[1]["what"], rows[1]["over"]) == (f"resources.document {seen.id}", "socket")


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("  =1", "  '=1"),
        ("\uff1d1", "'\uff1d1"),
        ("a;=1", "a;'=1"),
        ("a,-1", "a,'-1"),
        ("a\n@b", "a\n'@b"),
        ("a-b=c@d", "a-b=c@d"),
        ('a"b', 'a"b'),
    ],
)
def test_name_that_is_a_formula_is_a_text_in_a_spreadsheet(name: str, cell: str) -> None:
    [[found]] = csv.reader(StringIO(csv_line({"recipient": name}), newline=""))
    assert found == cell


def test_field_and_span_narrow(seen: World) -> None:
    assert "1 in all." in ask(*OF_PLAN, "--field", "budget", "--since", "1d")
    assert "1 in all." in ask(*OF_PLAN, "--until", "1h")
    pushed(seen, "tag", 1, 1)
    assert "1 in all." in ask(*OF_PLAN, "--etag", "tag")


def test_subject_report_has_everything_of_a_user(seen: World) -> None:
    said = ask("seen-by", "--tenant", "acme", "--user", "owner")
    assert said.startswith("What the sockets of owner had in acme:\n")
    assert "1 in all. Sockets only" in said
    assert "0 in all." in ask("seen-by", "--tenant", "globex", "--user", seen.user_id("owner"))


def test_object_that_is_gone_is_still_answered_for(seen: World) -> None:
    id = seen.id
    seen.document.delete()
    User.objects.filter(username="owner").update(username="gone")
    said = ask(*OF_PLAN[:5], "--id", id)
    assert "2 in all." in said


def test_question_is_recorded(seen: World) -> None:
    ask(*OF_PLAN, "--since", "1d", "--field", "title")
    ask("seen-by", "--tenant", "acme", "--user", "owner")
    rows: Any = Inquiry.objects.order_by("pk").values_list(
        "tenant__slug", "user_id", "what", "asked"
    )
    assert list(rows) == [
        (
            "acme",
            None,
            "who-saw",
            {"model": "resources.document", "id": seen.id, "since": "1d", "field": "title"},
        ),
        ("acme", None, "seen-by", {"user": seen.user_id("owner")}),
    ]


def test_what_there_is_not_is_one_line_that_says_what_to_do(seen: World) -> None:
    assert refused("seen-by", "--tenant", "no", "--user", "owner").startswith("There is no tenant")
    assert "There is no user 'no'" in refused("seen-by", "--tenant", "acme", "--user", "no")
    said = refused(*OF_PLAN[:3], "--model", "a.b", "--called", "Plan")
    assert "say one of: resources.document" in said
    for id in ("zzz", opaque.encode(Document, 10**6)):
        assert "ids are as clients see them" in refused(*OF_PLAN[:5], "--id", id)
    assert "say one of: id, title" in refused(*OF_PLAN, "--field", "no")
    assert "etags stand in frames" in refused(*OF_PLAN, "--etag", "no")
    assert refused(*OF_PLAN, "--since", "1h", "--until", "1d") == (
        "The span ends before it begins: exchange --since and --until."
    )
    for text in ("yesterday", "2026-13-01", "2026-13-01T12:00", "1x"):
        assert "is no time: say 2026-11-28" in refused(*OF_PLAN, "--since", text)
    assert not Inquiry.objects.exists()


def test_times_are_taken_as_utc_unless_they_say_otherwise() -> None:
    def told(text: str) -> str:
        found = moment(text)
        assert found is not None
        return found.isoformat()

    assert told("2026-11-28") == "2026-11-28T00:00:00+00:00"
    assert told("2026-11-28T12:00") == "2026-11-28T12:00:00+00:00"
    assert told("2026-11-28T12:00+02:00") == "2026-11-28T12:00:00+02:00"

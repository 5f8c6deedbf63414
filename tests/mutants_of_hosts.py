"""What follows the project's own organizations and rows, each rule undone once; see `mutants`."""

from __future__ import annotations

from typing import Final

from tests.mutant import Mutant

HOSTED = "tests/test_hosted.py::test_"
LASTING = "tests/test_hosted_lasting.py::test_"
LISTED = "tests/realtime/capture/test_listed"

OF_HOSTS: Final = (
    Mutant(
        "hosted: a tenant whose row is gone is suspended",
        "realtime/capture/hosted.py",
        '            "DELETE": gone,\n',
        '            "DELETE": "SELECT 1;",\n',
        HOSTED + "deleted_row_leaves_a_suspended_tenant_without_members",
    ),
    Mutant(
        "hosted: a tenant goes along with the key of its row",
        "realtime/capture/hosted.py",
        '"\\n".join([moved, *_followed(',
        '"\\n".join(["", *_followed(',
        HOSTED + "key_of_the_row_may_change",
    ),
    Mutant(
        "hosted: who has no row any more is no member",
        "realtime/capture/hosted.py",
        '"DELETE": before},\n',
        '"DELETE": "SELECT 1;"},\n',
        HOSTED + "first_of_two_rows_that_ends_leaves_the_other",
    ),
    Mutant(
        "hosted: what the operator suspended stays so until the row says something else",
        "realtime/capture/hosted.py",
        'THEN {TENANTS}.is_active ELSE b.active END"',
        'THEN b.active ELSE b.active END"',
        LASTING + "suspension_by_the_operator_lasts",
    ),
    Mutant(
        "hosted: nobody becomes a member of a tenant that is being deleted",
        "realtime/capture/hosted.py",
        '        " AND t.deleting_since IS NULL WHERE n.nth = 1"\n',
        '        " WHERE n.nth = 1"\n',
        LASTING + "nobody_becomes_a_member_of_what_is_being_deleted",
    ),
    Mutant(
        "rows: who leaves a team loses what it has",
        "realtime/capture/listed.py",
        "                teams.setdefault(each.through, _team(each))\n",
        "                pass\n",
        LISTED + ".py::test_passes_and_shares_are_followed",
    ),
    Mutant(
        "rows: what they give goes along with what places the object",
        "realtime/capture/placed.py",
        "        for kept, rows, column in listed.kept(each):\n",
        "        for kept, rows, column in ():\n",
        LISTED
        + "_intervals.py::test_intervals_of_access_are_those_of_the_row_and_of_its_objects_place",
    ),
    Mutant(
        "rows: a level that means nothing gives nothing",
        "realtime/capture/listed.py",
        ' WHERE {whose} IS NOT NULL AND {permission} IS NOT NULL"\n',
        ' WHERE {whose} IS NOT NULL"\n',
        LISTED
        + "_intervals.py::test_intervals_of_access_are_those_of_the_row_and_of_its_objects_place",
    ),
    Mutant(
        "rows: who is named otherwise loses and gains",
        "realtime/capture/listed.py",
        "        watch=each.columns,\n        joins=(table",
        "        watch=each.columns[:1],\n        joins=(table",
        LISTED + ".py::test_list_of_access_is_followed_whoever_writes_it",
    ),
    Mutant(
        "rows: an object that refers to something else has other members",
        "realtime/capture/listed.py",
        "            watch=(each.of, *place.columns),\n",
        "            watch=place.columns,\n",
        LISTED + ".py::test_members_of_what_objects_refer_to_are_followed",
    ),
    Mutant(
        "rows: who is in a project belongs to it at their level alone",
        "realtime/capture/listed.py",
        ' IS NOT NULL AND {each.level(audience)}",\n',
        ' IS NOT NULL",\n',
        LISTED + "_intervals.py::test_intervals_of_what_users_and_objects_have_in_common",
    ),
    Mutant(
        "rows: those that name any model's object end and begin with it",
        "realtime/capture/listed.py",
        '    created = ("INSERT", "DELETE") if types else ()\n',
        "    created = ()\n",
        LISTED
        + "_intervals.py::test_intervals_of_passes_end_and_begin_with_the_object_that_they_name",
    ),
    Mutant(
        "rows: those that name another model's object give nothing",
        "permissions/rows.py",
        '= {key} AND {of_type(model, self.value(kind, row))}"\n',
        '= {key}"\n',
        LISTED
        + "_intervals.py::test_intervals_of_passes_end_and_begin_with_the_object_that_they_name",
    ),
    Mutant(
        "rows: a team's rows are watched by both of its columns",
        "realtime/capture/listed.py",
        'cause="team", watch=(team, user), kept=belongs)',
        'cause="team", watch=(team,), kept=belongs)',
        LISTED + ".py::test_who_takes_the_place_of_another_in_a_team_is_followed",
    ),
)

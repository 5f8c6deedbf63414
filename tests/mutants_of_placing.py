"""What follows objects of every kind, each rule undone once; see `mutants`."""

from __future__ import annotations

from typing import Final

from tests.mutant import Mutant

PLACED = "tests/realtime/capture/test_placed.py::test_"
GO_ON = PLACED + "holders_and_grants_go_on_in_the_other_tenant"
EXISTING = "tests/test_existing_models.py::test_"
FOUND = "tests/test_tenants_found.py::test_"
SOURCES = "tests/test_permission_sources.py::test_"
REPLACED = "tests/realtime/capture/test_intervals_replaced.py::test_"

OF_PLACING: Final = (
    Mutant(
        "placing: grants go along with what places their objects",
        "realtime/capture/placed.py",
        "        if grants.target is target:\n",
        "        if False:\n",
        GO_ON + "[book shelf]",
    ),
    Mutant(
        "placing: every row of a path takes along what it places",
        "realtime/capture/placed.py",
        "            yield from _step(resource, number, model)\n",
        "            yield from _step(resource, number, model) if number == 0 else ()\n",
        GO_ON + "[leaf shelf]",
    ),
    Mutant(
        "placing: what is placed outlives what places it",
        "realtime/capture/sqlite.py",
        "    if kept.named_by:  # those rows may be",
        "    if False:  # those rows may be",
        PLACED
        + "path_that_comes_after_its_objects_places_them_and_one_that_goes_leaves_them_nowhere",
    ),
    Mutant(
        "placing: every user is a member of the tenant of everybody",
        "realtime/capture/joining.py",
        '    yield "INSERT", f"{JOIN} SELECT',
        '    yield "INSERT", f"{JOIN} SELECT 1 WHERE 0; SELECT',
        FOUND + "users_are_members_of_the_one_tenant_whoever_makes_them",
    ),
    Mutant(
        "placing: who is deleted is a member of nothing",
        "realtime/capture/joining.py",
        'WHERE user_id = OLD.{key} AND tenant_id = {ONE};"',
        'WHERE user_id = OLD.{key} AND tenant_id = 0;"',
        FOUND + "users_are_members_of_the_one_tenant_whoever_makes_them",
    ),
    Mutant(
        "placing: an object that goes to another tenant is lost in the first",
        "realtime/capture/parts_sqlite.py",
        "    if live.moves:\n",
        "    if False:\n",
        EXISTING + "other_tenant_is_a_loss_here_and_a_gain_there",
    ),
    Mutant(
        "placing: members go along with their object",
        "realtime/capture/linked.py",
        "            yield from moves if locks.can_move(target) else ()\n",
        "            yield from ()\n",
        SOURCES + "direct_and_linked_intervals_go_with_their_object_too",
    ),
    Mutant(
        "placing: a generic grant ends and begins with its object",
        "realtime/capture/granted.py",
        '        created = ("INSERT", "DELETE") if self.granted.is_generic else ()\n',
        "        created = ()\n",
        SOURCES + "intervals_are_those_of_the_row_and_of_its_object",
    ),
    Mutant(
        "beside: each change counts",
        "realtime/capture/beside_sqlite.py",
        "SET version = version + 1 WHERE {{of}}",
        "SET version = version WHERE {{of}}",
        EXISTING + "each_change_comes_whoever_makes_it",
    ),
    Mutant(
        "beside: what is deleted leaves no version",
        "realtime/capture/beside_sqlite.py",
        """    gone = deleted(live) + f"\\nDELETE FROM""",
        """    gone = deleted(live) + f"\\nSELECT 1 FROM""",
        EXISTING + "deleted_and_created_again_is_newer_than_it_ever_was",
    ),
    Mutant(
        "intervals: they end with a row that another replaces",
        "realtime/capture/sqlite.py",
        "in in_the_way(key, unique) if unique else ():\n        other",
        "in in_the_way(key, unique) if False else ():\n        other",
        REPLACED + "intervals_of_rows_that_a_row_of_another_key_replaces_end",
    ),
    Mutant(
        "intervals: they go on with a row that is ignored or updated instead",
        "realtime/capture/sqlite.py",
        ' AND source_id NOT IN ({still})"',
        '"',
        REPLACED + "row_that_is_ignored_or_updated_instead_goes_on",
    ),
)

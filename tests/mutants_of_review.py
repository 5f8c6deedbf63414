"""What the review, the oracle and the reviewer's role rest on, each undone once; see `mutants`."""

from __future__ import annotations

from typing import Final

from tests.mutant import Mutant

REVIEW = "tests/permissions/review/test_"
COMPARING = "permissions/review/comparing.py"
WIDER = (
    REVIEW + "comparing.py::"
    "test_widening_is_one_line_that_names_model_audience_field_and_what_accepts_it"
)


def widening(what: str, code: str, without: str, test: str = WIDER) -> Mutant:
    """The lock takes one kind of widening for a notice."""
    return Mutant(f"the lock: {what} widens", COMPARING, code, without, test)


LOCK: Final = (
    widening("a field more", 'yield "field", True,', 'yield "field", False,'),
    widening("a wider type", 'yield "type", not _is_narrower(old.type, new.type),',
             'yield "type", False,'),
    widening("another source", 'yield "source", not less,', 'yield "source", False,'),
    widening("a field that may be empty", 'yield "empty", new.nullable,', 'yield "empty", False,'),
    widening("a field that may be written", 'yield "writer", new.writable,',
             'yield "writer", False,'),
    widening("a lower sensitivity", 'yield "sensitivity", lower,', 'yield "sensitivity", False,'),
    widening("a new audience", 'yield "audience", True, name,', 'yield "audience", False, name,'),
    widening("another permission", 'yield "permission", True,', 'yield "permission", False,'),
    widening("a right to delete or grant", 'yield "right", now,', 'yield "right", False,'),
    widening("an order that moves somebody up", 'yield "order", bool(more),',
             'yield "order", False,',
             REVIEW + "comparing.py::test_order_that_moves_somebody_up_is_wider"),
    widening("a holder or a role", "yield rule, True, str(name)", "yield rule, False, str(name)"),
    widening("an object that was not visible", 'yield "visible", True,', 'yield "visible", False,'),
    widening("a never that is gone", 'yield "never", True,', 'yield "never", False,'),
    widening("an edit of code", 'yield "code", True, "", name, "was edited',
             'yield "code", False, "", name, "was edited'),
)  # fmt: skip

PROBE: Final = (
    Mutant(
        "the probe: no answer of REST holds the canary of what is not declared",
        "permissions/review/probing.py",
        "        if source not in known and is_traceable(canary) and canary.encode() in answer:\n",
        "        if False:\n",
        REVIEW + "probing.py::test_rest_that_shows_more_than_the_socket_is_found",
    ),
    Mutant(
        "the probe: REST and the socket show the same bytes",
        "permissions/review/probing.py",
        "    return body is not None and body in answer\n",
        "    return True\n",
        REVIEW + "probing.py::test_rest_that_shows_something_else_is_found",
    ),
    Mutant(
        "the probe: no field shows a column that is not declared",
        "permissions/review/findings.py",
        "        elif moved:\n",
        "        elif False:\n",
        REVIEW + "probing.py::test_secret_in_a_method_that_is_declared_harmless_is_found",
    ),
    Mutant(
        "the probe: a field shows the columns that are declared",
        "permissions/review/findings.py",
        "        elif expected:\n",
        "        elif False:\n",
        REVIEW + "probing.py::test_secret_in_what_prepare_annotates_is_found",
    ),
    Mutant(
        "the probe: what an audience is not shown leaves no trace at any door",
        "permissions/review/probing.py",
        "    if hidden and _after(",
        "    if False and _after(",
        REVIEW + "probing_doors.py::test_trace_of_a_hidden_column_in_a_list_is_found",
    ),
    Mutant(
        "the probe: sockets and live lists are looked at",
        "realtime/hub/rehearsed.py",
        "    if registry.get(resource.label) is not resource:\n",
        "    if True:\n",
        REVIEW + "probing_doors.py::test_window_with_another_payload_is_found",
    ),
    Mutant(
        "the review: a cursor goes on with its own question only",
        "realtime/audit/rest_seen.py",
        '        return f"{SALT}.{about}"\n',
        "        return SALT\n",
        "tests/realtime/audit/test_rest_seen.py::test_cursor_goes_on_with_its_own_question_only",
    ),
    Mutant(
        "never: the probe finds what is shown though it is forbidden",
        "permissions/review/findings.py",
        "        if label == resource.label and audience.name in resource.never.get(name, ()):\n",
        "        if False:\n",
        REVIEW + "probing.py::test_field_that_a_rule_forbids_is_found_though_it_is_declared",
    ),
    Mutant(
        "never: a declaration that breaks it does not start",
        "permissions/review/checks.py",
        "    for each in broken(resource):\n",
        "    for each in ():\n",
        REVIEW + "checks.py::test_broken_never_stops_the_start",
    ),
    Mutant(
        "never: a label counts as a field does",
        "permissions/review/never.py",
        "            if audience.name in resource.never_label.get(found, ()):\n",
        "            if False:\n",
        REVIEW + "checks.py::test_field_of_a_label_that_is_never_shown_is_found",
    ),
)

ORACLE = "tests/realtime/hub/test_oracle.py::test_"
COMPARED = "tests/realtime/state/test_comparing.py::test_"

DELIVERED: Final = (
    Mutant(
        "the oracle: bytes are compared",
        "realtime/state/comparing.py",
        '    if "payload" not in frame or f\'"payload":{body.decode()}\' in text:\n',
        "    if True:\n",
        COMPARED + "field_that_differs_is_named",
    ),
    Mutant(
        "the oracle: a frame of another audience is one while access has not changed",
        "realtime/state/comparing.py",
        'return ("audience",) if revision == sent.seen.revision else None',
        "return None",
        ORACLE + "frame_of_another_audience_is_found_while_access_is_as_it_was",
    ),
    Mutant(
        "the oracle: a frame of another tenant or object is one",
        "realtime/state/comparing.py",
        '        return ("the object",)\n',
        "        return None\n",
        COMPARED + "frame_of_another_tenant_or_object_differs_whatever_has_changed",
    ),
    Mutant(
        "the oracle: what is never shown counts",
        "realtime/hub/oracle.py",
        "forbidden(resource, sent.seen.audience)",
        "()",
        ORACLE + "payload_of_another_audience_is_found",
    ),
    Mutant(
        "the oracle: only what shows other rows may be old for a moment",
        "realtime/hub/oracle.py",
        "waiting.until is None and _may_settle(resource, found):",
        "waiting.until is None:",
        ORACLE + "only_a_field_that_shows_another_row_may_be_old_for_a_moment",
    ),
)

REVIEWERS: Final = (
    Mutant(
        "a reviewer creates nothing",
        "permissions/rest.py",
        "request.membership.role != Role.REVIEWER",
        "True",
        "tests/test_reviewers.py::test_reviewer_creates_nothing",
    ),
    Mutant(
        "a reviewer grants nothing",
        "permissions/ceiling.py",
        "    if standing.own is None or standing.role == Role.REVIEWER:\n",
        "    if standing.own is None:\n",
        "tests/test_reviewers.py::test_reviewer_grants_nothing_also_of_what_they_own",
    ),
)

REQUIRED: Final = (
    Mutant(
        "an object is rendered once for each audience, however many read it",
        "permissions/read.py",
        "            seen.update(dict.fromkeys(pairs, shown))\n",
        "            seen.update((p, render(resource, audience, obj, 0)) for p in pairs)\n",
        "tests/permissions/test_read.py::"
        "test_one_rendering_for_each_object_and_audience_however_many_ask",
    ),
    Mutant(
        "whoever loses an object is told, so that their copy goes",
        "realtime/state/telling.py",
        "        texts.append(messages.deleted(model, id))\n",
        "",
        "tests/realtime/state/test_mailbox.py::test_lost_object_is_deleted_once",
    ),
    Mutant(
        "a row of the ledger that was edited is named",
        "realtime/audit/verifying.py",
        "        elif not entry.seals(self._keys, fact):\n",
        "        elif False:\n",
        "tests/realtime/audit/test_verifying.py::test_edited_row_is_named",
    ),
    Mutant(
        "a row of the ledger that was deleted is named",
        "realtime/audit/verifying.py",
        "        if fact is None:\n            yield _of(DELETED, entry)\n        elif",
        "        if fact is not None and",
        "tests/realtime/audit/test_verifying.py::test_deleted_row_is_named",
    ),
    Mutant(
        "reviewers are told the ledger's users by name",
        "realtime/audit/rest_ledger.py",
        'if request.membership.role == Role.ADMIN:\n            return "username"',
        'if request.membership.role:\n            return "username"',
        "tests/test_reviewers.py::test_reviewer_is_told_users_of_the_ledger_by_name",
    ),
    Mutant(
        "the ledger and the review are for admins and reviewers",
        "tenants/rest.py",
        "        return entered and role in (Role.ADMIN, Role.REVIEWER)\n",
        "        return entered\n",
        "tests/test_reviewers.py::test_admins_and_reviewers_read_the_review_and_nobody_else",
    ),
)
"""What requirements ask for besides."""

OF_REVIEW: Final = (*LOCK, *PROBE, *DELIVERED, *REVIEWERS, *REQUIRED)

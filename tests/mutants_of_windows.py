"""Each rule of windows undone, once; see `mutants`."""

from __future__ import annotations

from typing import Final

from tests.mutant import Mutant

PATHS = "tests/model/test_windows_rules.py::test_"
SETTLING = "tests/realtime/state/test_settling.py::test_"

OF_WINDOWS: Final = (
    Mutant(
        "windows: an object enters by a read, and not by a frame",
        "realtime/hub/arrivals.py",
        '            frame = frames.get(s.audience or "")\n',
        '            frame = frames.get(s.audience or next(iter(frames), ""))\n'
        "            if frame is not None and s.audience is None:\n"
        "                s.audience, s.state = frame.seen.audience, type(s.state).LIVE\n",
        PATHS + "object_enters_by_a_read_and_not_by_a_frame",
    ),
    Mutant(
        "windows: what the list does not name may be inside",
        "realtime/hub/windows.py",
        "            self._settle(s, seen.get(s.pair))\n",
        "            self._settle(s, seen.get(s.pair))\n"
        "            for window in some if s.key not in listed else ():\n"
        "                window.dismiss(s)\n"
        "                s.tell()\n",
        PATHS + "newer_frame_lets_in_what_the_list_does_not_name",
    ),
    Mutant(
        "windows: the newest frame is kept of each object and audience",
        "realtime/hub/arrivals.py",
        "            self._kept[name] = frame\n",
        "            for other in [other for other in self._kept if other[0] == frame.key]:\n"
        "                del self._kept[other]\n"
        "            self._kept[name] = frame\n",
        PATHS + "frame_for_others_does_not_replace_the_one_kept_for_a_reader",
    ),
    Mutant(
        "windows: what was kept is offered in the step that places a read",
        "realtime/hub/rounds.py",
        "        kept = self.arrivals.kept(s) if self.windows.in_use else None\n",
        "        kept = None\n",
        PATHS + "object_that_left_does_not_enter_with_what_was_read_before",
    ),
    Mutant(
        "windows: an object of which a message came in a round is looked at again",
        "realtime/hub/arrivals.py",
        "        look, self._look = self._look, {}\n",
        "        look: dict[ObjectKey, set[Window]] = {}\n",
        PATHS + "object_created_while_a_list_is_read_enters_at_its_end",
    ),
    Mutant(
        "windows: what the tail saw in a round is looked at again",
        "realtime/hub/arrivals.py",
        "        seen, self._seen = self._seen, {}\n",
        "        seen: dict[ObjectKey, int] = {}\n",
        PATHS + "change_that_the_tail_saw_while_its_row_was_read_is_read_again",
    ),
    Mutant(
        "windows: a list is read with what the socket holds of the model",
        "realtime/hub/rounds.py",
        "            todo |= self.windows.rows(asked)\n",
        "            pass\n",
        PATHS + "list_is_read_with_what_its_socket_holds_of_the_model",
    ),
    Mutant(
        "windows: a row that waits is not let go",
        "realtime/state/settling.py",
        "    elif keeper.waits(s) and any",
        "    elif False and any",
        SETTLING + "row_that_waits_is_read_again_instead",
    ),
    Mutant(
        "windows: a row that is read is not let go",
        "realtime/state/settling.py",
        "    if keeper.reads(s):  # perhaps",
        "    if False:  # perhaps",
        PATHS + "row_that_is_read_outlives_the_window_that_held_it",
    ),
    Mutant(
        "windows: a message names the fields of all that it announces",
        "realtime/publishing/notifications.py",
        "            fields = since.fields(pk, creations=False)\n            yield",
        "            fields = since.exact(pk, max(f.version for f in made))\n            yield",
        "tests/realtime/publishing/test_moves.py::"
        "test_changes_that_are_announced_at_once_name_the_fields_of_all",
    ),
    Mutant(
        "windows: what the reader's payload does not have matches nothing",
        "permissions/filters.py",
        "        name in payload and any(same(payload[name], value)",
        "        name not in payload or any(same(payload[name], value)",
        "tests/permissions/test_filters.py::test_absent_field_and_absent_payload_match_nothing_but_no_filter",
    ),
    Mutant(
        "windows: a cut raises the floor",
        "realtime/state/windows.py",
        "        self.floor = lowest.key.pk\n",
        "",
        PATHS + "row_that_was_cut_is_more",
    ),
    Mutant(
        "windows: what lost half of its rows is filled up",
        "realtime/state/settling.py",
        "        if window.short and not window.placing:\n",
        "        if False:\n",
        PATHS + "window_that_lost_half_of_its_rows_is_filled_up",
    ),
    Mutant(
        "windows: it is noted what the client was told has entered",
        "realtime/state/windows.py",
        "        s.entered = s.entered | {self} if s.entered else self._alone\n",
        "",
        PATHS + "object_that_comes_and_goes_enters_and_leaves_in_turns",
    ),
    Mutant(
        "windows: what is gone leaves its windows",
        "realtime/state/telling.py",
        "    return [*texts, *_moved(s, _left(s))]\n\n\ndef _ended",
        "    return texts or [*_moved(s, _left(s))]\n\n\ndef _ended",
        PATHS + "deleted_object_leaves_its_windows",
    ),
    Mutant(
        "windows: a grant makes a candidate",
        "realtime/hub/windows.py",
        "rows.update(self.candidates(ObjectKey(touch.model, touch.object_id), theirs))",
        "pass",
        PATHS + "granted_object_enters",
    ),
    Mutant(
        "windows: a list counts if it was read after the join",
        "realtime/hub/model_groups.py",
        "        return group.membership is Membership.JOINED\n",
        "        return True\n",
        PATHS + "list_counts_only_if_it_was_read_after_the_join",
    ),
    Mutant(
        "windows: what a round raised is in the ledger",
        "realtime/audit/ledger.py",
        "    if made.applied is not None:\n",
        "    if False:\n",
        "tests/realtime/audit/test_seen_in_windows.py::test_grants_and_losses_are_told_as_the_window_was",
    ),
    Mutant(
        "windows: it is in the ledger before its first row leaves",
        "realtime/hub/windows.py",
        "        new = (w for w in lists if w.viewing is None and not w.is_ended)\n",
        "        new = (w for w in lists if w.viewing is None and w.is_live)\n",
        PATHS + "window_is_in_the_ledger_before_its_first_row_leaves",
    ),
    Mutant(
        "windows: what a later read found is in the ledger before it leaves",
        "realtime/hub/reading.py",
        "        self.highest = max(self.highest, revision)\n",
        "",
        PATHS + "later_read_is_in_the_ledger_before_it_leaves",
    ),
    Mutant(
        "windows: what was lost counts until the process applied it",
        "realtime/audit/spans.py",
        "            ended.append(moments.applied(each.until))\n",
        "            ended.append(each.ended_at)\n",
        "tests/realtime/audit/test_spans.py::"
        "test_it_lasts_from_when_it_could_be_read_until_its_loss_was_applied",
    ),
    Mutant(
        "windows: what a client may have forgotten enters with its payload",
        "realtime/state/windows.py",
        "        window.have.pop(s.id, None)\n",
        "        pass\n",
        SETTLING + "what_a_client_may_have_forgotten_enters_with_its_payload",
    ),
    Mutant(
        "windows: a membership of a group is numbered as its access change",
        "realtime/audit/seen_in_windows.py",
        "    numbering.number(tenant_id, rows, processes,",
        "    numbering.number(tenant_id, [], processes,",
        "tests/realtime/audit/test_seen_in_windows_of_groups.py::"
        "test_group_is_told_from_when_its_process_could_read_it_until_it_had_applied_its_end",
    ),
    Mutant(
        "windows: nothing could be seen while everything was denied",
        "realtime/audit/spans.py",
        "            for part in _without(span, denied):\n",
        "            for part in _without(span, []):\n",
        "tests/realtime/audit/test_spans.py::"
        "test_who_is_denied_sees_nothing_from_when_it_was_applied_until_its_end_could_be_read",
    ),
)  # fmt: skip

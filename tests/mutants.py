"""Each rule of the hub and of the review undone, once, to see its test fail: `make mutants`.

A test that never failed proves nothing. For each mutant a copy of the tree is changed in one place
and the named test must fail there; it must pass in the tree as it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.mutant import Mutant
from tests.mutants_of_hosts import OF_HOSTS
from tests.mutants_of_locks import OF_LOCKS
from tests.mutants_of_placing import OF_PLACING
from tests.mutants_of_review import OF_REVIEW
from tests.mutants_of_windows import OF_WINDOWS

TREE: Final = Path(__file__).parent.parent
RESULTS: Final = TREE / "var" / "results" / "mutants.json"
COPIED: Final = ("tenants", "permissions", "realtime", "resources", "project", "tests", "docs")


RACES = "tests/test_races.py::test_"
RULES = "tests/test_rules.py::test_"
UNAVAILABLE = "tests/test_unavailable.py::test_"
TOLD = "tests/test_unavailable_told.py::test_"

MUTANTS: Final = (
    Mutant(
        "a touched subscription takes its read's version, in the same audience too",
        "realtime/state/deciding.py",
        "    return TAKE\n",
        "    return Decision.KEEP if s.state is LIVE else TAKE\n",
        RACES + "a_frame_of_the_forbidden_time_does_not_pass_after_access_is_back",
    ),
    Mutant(
        "every read goes through the one round of its tenant",
        "realtime/hub/rounds.py",
        "if self._task is None and not self._closed and self._wanted():",
        "if not self._closed and self._wanted():",
        RULES + "nothing_is_read_beside_the_round_of_its_tenant",
    ),
    Mutant(
        "what is applied is the revision in the snapshot that read the rows",
        "realtime/hub/rounds.py",
        "        self._delivery.apply(first.revision)\n",
        "        self._delivery.apply(max(first.revision, self.behind))\n",
        RACES + "a_loss_between_a_rounds_read_and_its_end_is_not_skipped",
    ),
    Mutant(
        "a membership of a group touches the user, before it is gone",
        "realtime/capture/tables.py",
        'cause="groups", watch=(member, group), kept=kept)',
        'cause="groups", watch=(member, group), kept=kept, events=("INSERT",))',
        RULES + "a_group_that_is_empty_when_its_rows_are_read_does_not_hide_who_left_it",
    ),
    Mutant(
        "an object's first version is the id of its creation's row",
        "realtime/capture/live_sqlite.py",
        "{quoted(live.version)} = ({LAST})\n",
        "{quoted(live.version)} = 1\n",
        RULES + "a_frame_of_a_deleted_object_does_not_pass_for_a_new_one_with_its_key",
    ),
    Mutant(
        "a read is one snapshot",
        "permissions/snapshot.py",
        "        with _deferred(connection), transaction.atomic():\n            yield\n",
        "        yield\n",
        "tests/permissions/test_read.py::test_batch_is_read_in_one_state",
    ),
    Mutant(
        "a read counts only if its group was joined before it",
        "realtime/hub/group_membership.py",
        "return self.membership is Membership.JOINED and self.since < tick",
        "return True",
        RULES + "a_read_of_a_group_that_is_being_joined_counts_for_nobody",
    ),
    Mutant(
        "a group's newest frame is kept for those who wait",
        "realtime/hub/rounds.py",
        "        self._delivery.offer(s, None if group is None else group.last)\n",
        "        pass\n",
        RULES + "a_frame_that_comes_while_a_subscription_waits_is_kept_for_it",
    ),
    Mutant(
        "the fence stands at each write",
        "realtime/hub/delivery.py",
        "enumerate(tuple(group.subscriptions), start=1):\n            self.offer(s, frame)\n",
        "enumerate([s for s in group.subscriptions if frame and fence.passes(s, frame, "
        "self.applied or 0)], start=1):\n            s.put(frame)\n",
        RULES + "whoever_is_silenced_while_a_long_fan_out_yields_gets_nothing_of_it",
    ),
    Mutant(
        "what is equal is decided against what was sent",
        "realtime/state/telling.py",
        "        elif told or before.etag != seen.etag:\n",
        "        else:\n",
        "tests/realtime/state/test_mailbox.py::test_state_that_went_and_came_back_sends_nothing",
    ),
    Mutant(
        "the fence refuses a frame whose access revision is not applied",
        "realtime/hub/delivery.py",
        "        if self.applied is None or frame.seen.revision > self.applied:\n",
        "        if False:\n",
        RACES + "a_change_after_a_revocation_never_passes_though_its_notice_is_lost",
    ),
    Mutant(
        "the fence refuses an older version",
        "realtime/state/fence.py",
        "        and seen.version > subscription.version\n",
        "",
        RULES + "a_frame_that_is_older_than_the_snapshot_does_not_undo_it",
    ),
    Mutant(
        "what waits to be delivered is the newest frame",
        "realtime/hub/delivery.py",
        "        if group.last is None or frame.version > group.last.version:\n",
        "        if True:\n",
        "tests/realtime/hub/test_delivery.py::test_only_the_newest_of_what_waits_is_delivered",
    ),
    Mutant(
        "the ledger is written before what was read is placed",
        "realtime/hub/rounds.py",
        "        await self._hub.ledger.write(self.tenant_id, made)\n",
        "        asyncio.ensure_future(self._hub.ledger.write(self.tenant_id, made))\n",
        "tests/test_accountable.py::test_a_snapshot_does_not_leave_before_its_access_is_written",
    ),
    Mutant(
        "who lost an audience is silenced before anything is awaited",
        "realtime/hub/rounds.py",
        "                s.silence()\n",
        "                pass\n",
        RACES + "a_queued_frame_is_purged_before_the_join_of_the_next_audience",
    ),
    Mutant(
        "a frame of another release is read again",
        "realtime/hub/rounds.py",
        "        if not framing.is_ours(frame):\n",
        "        if False:\n",
        RACES + "a_frame_of_another_release_is_read_again_instead_of_shown",
    ),
    Mutant(
        "publishing is registered again after a savepoint that was rolled back",
        "realtime/capture/waking.py",
        "    if not any(registered[1] is work for registered in connection.run_on_commit[-2:]):\n",
        "    told = vars(connection).setdefault(work.__name__, [])\n"
        "    before, told[:] = [*told], connection.atomic_blocks[:1]\n"
        "    if not told or told != before:\n",
        "tests/realtime/capture/test_changes.py::"
        "test_rollback_of_the_first_savepoint_does_not_silence_what_follows",
    ),
    Mutant(
        "the tail asks those who wait, too",
        "realtime/hub/tail.py",
        "    if changed.version <= s.version:",
        "    if changed.version <= s.version or s.state.value != 'live':",
        "tests/realtime/hub/test_tail.py::"
        "test_a_change_after_the_read_of_a_pending_subscription_is_found",
    ),
    Mutant(
        "the ledger claims nothing of what could not be shown",
        "realtime/state/ledger_entries.py",
        "        if frame.available:  # else nothing leaves\n",
        "        if True:\n",
        TOLD + "the_ledger_claims_nothing_of_what_was_not_shown",
    ),
    Mutant(
        "who was never shown an object gets it by a round, which writes the ledger",
        "realtime/state/fence.py",
        "(state is UNAVAILABLE and seen.body is None)",
        "state is UNAVAILABLE",
        TOLD + "the_ledger_claims_nothing_of_what_was_not_shown",
    ),
    Mutant(
        "what the client has is not sent again, queued or not",
        "realtime/state/mailbox.py",
        "        if seen.etag != sent.etag:\n",
        "        if True:\n",
        "tests/realtime/transport/test_sender.py::"
        "test_a_state_that_equals_what_was_sent_sends_nothing",
    ),
    Mutant(
        "an update does not overtake what waits",
        "realtime/state/mailbox.py",
        "        if self._ready or self._answers or self._put_off or self.closing is not None:\n"
        "            return False\n        if not self.send_now",
        "        if self._ready or self._put_off or self.closing is not None:\n"
        "            return False\n        if not self.send_now",
        "tests/realtime/transport/test_sender.py::test_update_comes_after_what_waits",
    ),
    Mutant(
        "what cannot be shown is nothing that the sweep repairs",
        "realtime/state/deciding.py",
        "        return Decision.SEND_AGAIN if s.available or s.unanswered else Decision.KEEP\n",
        "        return Decision.REPAIR\n",
        UNAVAILABLE + "what_cannot_be_shown_is_read_no_more_often_than_what_can",
    ),
    Mutant(
        "the sweep writes the row that is missing",
        "realtime/state/deciding.py",
        "        return Decision.REPAIR\n    if s.waiting",
        "        return Decision.SEND_AGAIN\n    if s.waiting",
        "tests/realtime/hub/test_sweep.py::test_a_raw_change_of_data_is_repaired_and_counted",
    ),
    *OF_HOSTS,
    *OF_LOCKS,
    *OF_PLACING,
    *OF_REVIEW,
    *OF_WINDOWS,
)


def fails(mutant: Mutant) -> bool:
    """Whether the mutant's test fails in a copy of the tree that has the mutant in it."""
    with tempfile.TemporaryDirectory(prefix="earshot-") as name:
        copy = Path(name)
        for folder in COPIED:
            shutil.copytree(TREE / folder, copy / folder)
        shutil.copy(TREE / "pyproject.toml", copy)
        (copy / "var").mkdir()
        source = copy / mutant.file
        text = source.read_text()
        if text.count(mutant.code) != 1:
            raise LookupError(f"{mutant.file} has not exactly one place for: {mutant.rule}.")
        source.write_text(text.replace(mutant.code, mutant.without))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", mutant.test]
        result = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        if result.returncode not in (0, 1):
            raise RuntimeError(result.stdout + result.stderr)
        return result.returncode == 1


def keep(mutant: Mutant, noticed: bool) -> None:
    """Write down what was found, for `manage.py review evidence`."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found[mutant.rule] = {"noticed": noticed, "at": f"{datetime.now(UTC):%Y-%m-%d}"}
    RESULTS.write_text(json.dumps(found, indent=1))


def main(words: str) -> int:
    """Print each rule that has these words, and whether its test noticed; 1 if one did not. Without
    a server, leave out those whose test needs one."""
    served = "DATABASE_URL" in os.environ
    chosen = [m for m in MUTANTS if words in m.rule and (served or not m.served)]
    missed = 0
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # each waits for a process of its own
        for mutant, noticed in zip(chosen, threads.map(fails, chosen), strict=True):
            keep(mutant, noticed)
            missed += not noticed
            print(f"{'noticed' if noticed else 'MISSED '}  {mutant.rule}", flush=True)
    print(f"{len(chosen) - missed} passed, {missed} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))

"""What the ledger says of who could be shown what."""

from __future__ import annotations

from realtime.state.ledger_entries import Entries
from tests.model.database import NAMES, Database
from tests.model.ghost import Broken


class Accounts:
    """`shown` are accesses; `viewing` are users with windows, which could show what was given up to
    an access revision that was `read`."""

    def __init__(self, database: Database) -> None:
        self.shown: set[tuple[int, int, str]] = set()
        self.viewing: set[int] = set()
        self.read = -1
        self._database = database

    def write(self, made: Entries) -> None:
        """Write a round's entries."""
        self.shown |= {(s.user_id, s.key.pk, frame.seen.audience) for s, frame, _ in made.begun}
        self.viewing |= {window.socket.user_id for window in made.viewed}
        if made.applied is not None:
            self.read = made.applied.read

    def check(self, user: int, pk: int, audience: str) -> None:
        """Nobody was shown what the ledger does not say."""
        read = (s for s in self._database.history if s.revision <= self.read)
        could = any(s.audience(user, pk) == audience for s in read)
        if (user, pk, NAMES[audience]) not in self.shown and not (user in self.viewing and could):
            raise Broken(f"the ledger does not say that {user} was shown {pk} as {audience}")

"""The verdict over a history: who received what they could not have seen. No I/O, no Django."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from math import inf

from bench.soak.history import Failure, History, Receipt, Span, Value

NAME = "display_name"
"""A profile's name, which every member of the tenant may see."""
BLAMELESS = ("a server killed", "Daphne killed", "a server paused", "PostgreSQL stopped")
"""Faults in which writers may see errors."""
BEFORE = 1e-9


class Verdict:
    """Judges a complete history; the facts are all known and no step is under way."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._allowed: dict[tuple[str, str, int], float] = {}

    def leaks(self) -> list[Receipt]:
        """The frames with a value that nobody could have shown to their reader until they came.

        A reader may receive a value only if, at some moment until then, it was stored, their token
        was good and their audience saw its field.
        """
        return [
            r
            for r in self.history.receipts
            if any(self._allowed_from(r, number) > r.at for number in r.canaries)
        ]

    def leaked_bytes(self) -> int:
        """The size of those frames."""
        return sum(receipt.size for receipt in self.leaks())

    def _allowed_from(self, receipt: Receipt, number: int) -> float:
        key = receipt.user, receipt.token, number
        if key not in self._allowed:
            self._allowed[key] = self._first_moment(*key)
        return self._allowed[key]

    def _first_moment(self, user: str, token: str, number: int) -> float:
        """When the user may first have seen this canary; what is possible grows at `began` only."""
        value = self.history.values.get(number)
        if value is None:
            return inf  # nobody wrote it
        bearing = [*self.history.bearing(user, value.thing), self.history.facts["token", token]]
        begun = {step.began for timeline in bearing for step in timeline.steps}
        moments = sorted({value.began, *(t for t in begun if value.began < t < value.ended)})
        return next((t for t in moments if self._sees(user, token, value, t)), inf)

    def _sees(self, user: str, token: str, value: Value, at: float) -> bool:
        history = self.history
        if history.tenants.get(user) != history.tenants.get(value.thing):
            return False
        if history.facts["token", token].possible(at) == {None}:
            return False
        if value.field == NAME:
            return history.facts["member", user].possible(at) != {None}
        audiences = history.audiences(user, value.thing, at)
        return any(value.field in history.fields[name] for name in audiences if name)

    def went_back(self) -> int:
        """Frames that showed an older value of a field than the socket had had of this object."""
        newest: dict[tuple[int, str, str, str], float] = {}
        found = 0
        for receipt in self.history.receipts:
            for number in receipt.canaries:
                value = self.history.values.get(number)
                if value is None:
                    continue
                key = receipt.socket, receipt.thing, value.thing, value.field
                found += value.began < newest.get(key, -inf)
                newest[key] = max(value.began, newest.get(key, -inf))
        return found

    def deliveries(self) -> dict[tuple[str, str | None], list[float]]:
        """Seconds from the end of a write until a socket was pushed it, by tenant and fault.

        A value counts where a socket first has it, and only if it came with a change.
        """
        found: defaultdict[tuple[str, str | None], list[float]] = defaultdict(list)
        had: set[tuple[int, int]] = set()
        for receipt in self.history.receipts:
            for number in receipt.canaries:
                value = self.history.values.get(number)
                if value is None or (receipt.socket, number) in had:
                    continue
                had.add((receipt.socket, number))
                if receipt.pushed:
                    fault = self.history.fault_at(value.written, receipt.at)
                    tenant = self.history.tenants[receipt.user]
                    found[tenant, fault].append(max(0.0, receipt.at - value.written))
        return found

    def silences(self) -> dict[str | None, list[float]]:
        """Seconds from a loss of a grant's commit until each live socket was told, by the fault.

        Left out are sockets that were cut, and losses after which the grant moved again first.
        """
        spans: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
        for span in self.history.spans:
            spans[span.user, span.thing].append(span)
        found: defaultdict[str | None, list[float]] = defaultdict(list)
        for user, thing, audience, began, ended in self._losses():
            moved_again = self._next_step(user, thing, began)
            for span in spans[user, thing]:
                if span.audience != audience or not span.began < began <= span.ended:
                    continue
                cut = span.ended < inf and not span.told
                if not cut and span.ended <= moved_again:
                    name = self.history.fault_at(began, span.ended)
                    found[name].append(max(0.0, span.ended - ended))
        return found

    def _losses(self) -> Iterator[tuple[str, str, str, float, float]]:
        """Steps of own grants that certainly took the user's audience or lowered it."""
        order = [*self.history.fields, None]
        for key, timeline in list(self.history.facts.items()):
            if key[0] != "own":
                continue
            _, user, thing = key
            for step in timeline.steps[1:]:
                before = self.history.audiences(user, thing, step.began - BEFORE)
                after = self.history.audiences(user, thing, step.ended)
                if len(before) == len(after) == 1:
                    [had], [has] = before, after
                    if had is not None and order.index(had) < order.index(has):
                        yield user, thing, had, step.began, step.ended

    def _next_step(self, user: str, thing: str, after: float) -> float:
        bearing = self.history.bearing(user, thing)
        later = (s.began for timeline in bearing for s in timeline.steps if s.began > after)
        return min(later, default=inf)

    def errors(self) -> Counter[str | None]:
        """How many errors writers saw, by the fault during which they came (None: no fault)."""
        history = self.history
        return Counter(history.fault_at(f.began, f.ended) for f in history.failures)

    def blameworthy(self) -> list[Failure]:
        """Errors of writers without a fault, or during one that must not reach them."""
        at = self.history.fault_at
        return [f for f in self.history.failures if at(f.began, f.ended) not in BLAMELESS]


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

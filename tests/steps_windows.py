"""Steps of random histories: windows beside what is asked for by id."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from resources.models import Document
from tenants import opaque
from tests.guests import Guest
from tests.reference import DOCUMENT, PROFILE
from tests.reference_lists import List, listed
from tests.steps_around import pick
from tests.steps_readers import Readers

NAMES = ("all", "some", "few")
MOST = 4
wheres = st.sampled_from(((), ("draft",), ("published", "archived"), ("draft", "published")))
limits = st.sampled_from((1, 1, 2, 3, 100))


class Lists(Readers):
    """What readers do with windows."""

    def _open(self, guest: Guest, name: str, window: List, **more: Any) -> None:
        ref = next(self.stage.refs)
        guest.reader.open(name, ref, window)
        if window.where:
            more["where"] = {"status": list(window.where)}
        if window.cursor:
            more["after"] = window.cursor
        asked = {"model": window.model, "window": name, "limit": window.limit, "ref": ref}
        self.stage.send(guest, **asked, **more)

    @precondition(lambda self: self.stage.guests)
    @rule(
        number=pick,
        name=st.sampled_from(NAMES),
        where=wheres,
        limit=limits,
        holding=st.booleans(),
    )
    def open_window(self, number: int, name: str, where: Any, limit: int, holding: bool) -> None:
        """A window of few rows is of documents; all that one of many may see, of profiles too.

        A name that is in use is used again only where nothing of it is on its way to the client.
        """
        model = PROFILE if limit == 3 and number % 2 else DOCUMENT
        window = List(model, where if model == DOCUMENT else (), limit, None)
        self._show(self._guest(number), name, window, holding)

    def _show(self, guest: Guest, name: str, window: List, holding: bool) -> None:
        if guest.wake is not None or not self.stage.environment.idle:
            name = f"{name} {next(self.stage.refs)}"
        if len(guest.reader.lists) > MOST:
            self._shut(guest, next(iter(guest.reader.lists)))
        model = window.model
        etags = {key: etag for key, (etag, _) in guest.reader.etags.items() if key[0] == model}
        have = {key[1]: etag for key, etag in etags.items()} if holding else {}
        self._open(guest, name, window, **({"have": have} if have else {}))

    @precondition(lambda self: self.stage.guests)
    @rule(number=pick, where=wheres, limit=limits, holding=st.booleans())
    def look_back(self, number: int, where: Any, limit: int, holding: bool) -> None:
        """One window holds the first row of a list, and another one what comes after it."""
        ways = [g for g in self.stage.guests if not g.reader.must_close and g.wake is None]
        ways.sort(key=lambda g: -len(listed(self.reference, g.user, List(DOCUMENT, (), 9, None))))
        if not ways:
            return
        guest, window = ways[number % 2 % len(ways)], List(DOCUMENT, where, limit, None)
        self._show(guest, "few", List(DOCUMENT, where, 1, None), holding)
        page = self.stage.do(lambda: guest.page(window, 1))
        if page["cursor"]:
            window.cursor = page["cursor"]
            window.after = opaque.decode(Document, page["rows"][0]["id"])
        self._show(guest, "some", window, holding)

    @precondition(lambda self: self.stage.guests)
    @rule(number=pick, name=st.sampled_from(NAMES))
    def close_window(self, number: int, name: str) -> None:
        """Also of what is not there."""
        self._shut(self._guest(number), name)

    def _shut(self, guest: Guest, name: str) -> None:
        ref, window = next(self.stage.refs), guest.reader.lists.get(name)
        guest.reader.shut(name, ref)
        model = DOCUMENT if window is None else window.model
        self.stage.send(guest, action="unsubscribe", model=model, window=name, ref=ref)

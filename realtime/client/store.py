"""What a client holds, decided without I/O: frames go in, and frames to send come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .copies import Answer, Copy, Payload, Refusal, Rows
from .held import Data, Item, Options, Window, etags

Frame = dict[str, Any]

SEEN: Final = 8
"""Etags that are remembered of an object, to recognise one's own write."""


class Store:
    """Objects and windows of one socket. `out` are frames to send, and `changed` what is shown
    differently now: whoever calls takes both."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Item] = {}
        self.windows: list[Window] = []
        self.out: list[Frame] = []
        self.changed: set[Item | Window] = set()
        self._names: dict[str, Window] = {}
        self._ref = 0
        self._online = False

    # What the application asks for.

    def watch(self, model: str, id: str, first: Answer | None = None) -> Item:
        """Hold an object for its own sake; `first` is a copy that REST answered."""
        item = self._item(model, id)
        if item.single and item.over is None:
            return item
        item.single, item.over = True, None
        if first is not None and item.data is None:
            self._put(item, vars(first), stale=True)
        self._touch(item)
        self._ask(item)
        return item

    def unwatch(self, item: Item) -> None:
        """Hold it for its own sake no longer."""
        if item.over is None:
            self._send({"action": "unsubscribe", "model": item.model, "id": item.id})
        item.single, item.waiting, item.over = False, False, None
        if not item.windows:
            self._drop(item)

    def open(self, model: str, options: Options, first: Mapping[str, Any] | None = None) -> Window:
        """Hold a window; `first` is what the list GET answered."""
        window = Window(model, options)
        if first is not None:
            window.more, window.cursor = first["more"], first["cursor"]
            for row, payload in zip(first["rows"], first["results"], strict=True):
                item = self._item(model, row["id"])
                if item.data is None:
                    self._put(item, {**row, "payload": payload}, stale=True)
                self._hold(window, item, None)
        self.windows.append(window)
        self._ask_window(window)
        return window

    def close(self, window: Window) -> None:
        """Hold it no longer."""
        self.windows.remove(window)
        self._end(window)
        self._set(window, [])

    def draft(self, item: Item, values: Payload) -> None:
        """Show these values over an object's payload, until `undraft`."""
        item.drafts.append(values)
        self._touch(item)

    def undraft(self, item: Item, values: Payload) -> None:
        """Take them back."""
        item.drafts = [each for each in item.drafts if each is not values]
        self._touch(item)

    def wrote(self, item: Item, answer: Answer) -> None:
        """Take the answer to a write of one's own.

        Others may have written since, and of that the socket may have told already: so the server
        is asked whether this is still the state.
        """
        if item.single and item.over is None and answer.etag not in item.seen:
            self._put(item, vars(answer), stale=item.stale or not self._online)
            self._ask(item)

    # What happens to the connection.

    def connected(self) -> None:
        """Ask for everything, with the etags that are held."""
        self._online = True
        for item in self.objects.values():
            if item.single and item.over is None:
                self._ask(item)
        for window in self.windows:
            if window.state != "refused":
                self._ask_window(window)

    def disconnected(self, forget: bool) -> None:
        """Whatever is held may be outdated from now on; with `forget`, nothing may be held."""
        self._online = False
        self._names.clear()
        self.out.clear()
        for item in self.objects.values():
            item.waiting, item.stale = False, True
            self._touch(item)
        for window in self.windows:
            window.name = None
            if window.state == "live":
                window.state = "pending"
            if forget:
                window.more, window.cursor = False, None
            self._set(window, [] if forget else window.rows)
        if forget:
            for item in list(self.objects.values()):
                self._drop(item)

    # What the server says.

    def receive(self, frame: Frame) -> None:
        """Take a frame; kinds that are not known mean nothing."""
        kind = frame["type"]
        item = self.objects.get((frame.get("model", ""), frame.get("id", "")))
        if "window" in frame:
            window = self._names.get(frame["window"])
            if window is not None:  # else it has ended
                self._receive_row(frame, window)
        elif kind == "ERROR":
            self._refuse(frame, item)
        elif item is None:
            return
        elif kind.startswith("DELETE_"):
            self._delete(item)
        elif "audience" in frame and (item.over is None or item.windows):
            self._receive_state(frame, item)

    def _delete(self, item: Item) -> None:
        for window in list(item.windows):
            self._leave(window, item.id)
        if item.single and not item.waiting and item.over is None:
            item.over = Copy(item.id, "gone")
        self._drop(item)

    def _receive_state(self, frame: Frame, item: Item) -> None:
        is_answer = frame["type"] == "SUBSCRIBED" and frame.get("ref") == item.ref
        if self._put(item, frame):
            item.waiting = item.waiting and not is_answer
        elif is_answer:  # it confirms what is not here
            self._ask(item)

    def _receive_row(self, frame: Frame, window: Window) -> None:
        match frame["type"]:
            case "ENTERED":
                item = self._item(frame["model"], frame["id"])
                if not self._put(item, frame):
                    self._tidy(item)
                    self._ask_window(window)
                    return
                self._hold(window, item, frame["before"])
            case "LEFT":
                self._leave(window, frame["id"])
            case "ERROR":
                window.state, window.name = "refused", None
                window.error = Refusal(frame["code"], frame["detail"])
                self._set(window, [])
            case _:
                window.state = "live"
                window.more, window.cursor = frame["more"], frame["cursor"]
                self._set(window, window.rows if window.coming is None else window.coming)

    def _refuse(self, frame: Frame, about: Item | None) -> None:
        if ref := frame.get("ref"):
            about = next((each for each in self.objects.values() if each.ref == ref), None)
        if about is None or not about.single or about.over is not None:
            return
        about.waiting = False
        if frame["code"] == "unavailable":
            about.stale = True  # it comes by itself
        else:
            refusal = Refusal(frame["code"], frame["detail"])
            about.over = Copy(about.id, "refused", error=refusal)
            if not about.windows:
                self._drop(about)
        self._touch(about)

    # What is held.

    def rows(self, window: Window) -> Rows:
        """Return the list as it is shown."""
        rows = tuple(self.objects[window.model, id].row() for id in window.rows)
        return Rows(window.state, rows, window.more, window.cursor, window.error)

    def _item(self, model: str, id: str) -> Item:
        if (model, id) not in self.objects:
            self.objects[model, id] = Item(model, id)
        return self.objects[model, id]

    def _put(self, item: Item, frame: Mapping[str, Any], *, stale: bool = False) -> bool:
        """Take a state; return whether its payload is here now."""
        held, etag, audience = item.data, frame["etag"], frame["audience"]
        if "payload" not in frame and (held is None or held.etag != etag):
            return False
        if (
            held is None
            or held.etag != etag
            or held.audience != audience
            or item.stale is not stale
        ):
            payload = frame["payload"] if held is None else frame.get("payload", held.payload)
            item.data = Data(audience, etag, payload, frame.get("changed", ()))
            item.stale = stale
            item.seen = [etag, *item.seen][:SEEN]
            self._touch(item)
        return True

    def _drop(self, item: Item) -> None:
        """Forget what is held of it: also what nobody holds may be in a listener's hands."""
        item.data, item.drafts, item.seen = None, [], []
        self._touch(item)
        self._tidy(item)

    def _tidy(self, item: Item) -> None:
        if not item.single and not item.windows:
            self.objects.pop((item.model, item.id), None)

    def _hold(self, window: Window, item: Item, before: str | None) -> None:
        rows = window.rows if window.coming is None else window.coming
        if item.id in rows:
            rows.remove(item.id)
        rows.insert(rows.index(before) if before in rows else len(rows), item.id)
        item.windows.add(window)
        if window.coming is None:
            self._touch(window)

    def _leave(self, window: Window, id: str) -> None:
        def without(ids: Iterable[str]) -> list[str]:
            return [each for each in ids if each != id]

        coming = None if window.coming is None else without(window.coming)
        if id in (*window.rows, *(window.coming or ())):
            self._set(window, without(window.rows), coming)

    def _set(self, window: Window, rows: list[str], coming: list[str] | None = None) -> None:
        """Make these the window's rows, and those to come; what is in neither is let go."""
        kept = {*rows, *(coming or ())}
        for id in {*window.rows, *(window.coming or ())} - kept:
            item = self.objects[window.model, id]
            item.windows.discard(window)
            if (item.over is not None or not item.single) and not item.windows:
                self._drop(item)
        window.rows, window.coming = list(rows), coming
        self._touch(window)

    def _touch(self, target: Item | Window) -> None:
        self.changed.add(target)
        if isinstance(target, Item):
            self.changed |= target.windows

    # What is sent.

    def _send(self, frame: Frame) -> int:
        if self._online:
            self._ref += 1
            self.out.append({**frame, "ref": self._ref})
        return self._ref

    def _ask(self, item: Item) -> None:
        if self._online:
            frame = {"action": "subscribe", "model": item.model, "id": item.id}
            item.waiting = True
            item.ref = self._send(frame if item.data is None else frame | {"etag": item.data.etag})

    def _ask_window(self, window: Window) -> None:
        """Always under a new name, so that what is still said of the old one confuses nobody."""
        if not self._online:
            return
        self._end(window)
        window.name = f"w{self._ref + 1}"
        window.state = "pending"
        self._names[window.name] = window
        self._set(window, window.rows, [])
        frame = {"action": "subscribe", "model": window.model, "window": window.name}
        have = etags(self.objects.values(), window.model)
        self._send({**frame, **window.options, **({"have": have} if have else {})})

    def _end(self, window: Window) -> None:
        if window.name is not None:
            self._send({"action": "unsubscribe", "model": window.model, "window": window.name})
            self._names.pop(window.name, None)
            window.name = None

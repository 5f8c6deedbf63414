"""What a client does with windows: the second part of the table that all clients are run by."""

from __future__ import annotations

from typing import Any, Final

from tests.conformance_clients import (
    FIRST,
    FORGET,
    MODEL,
    OBJECTS,
    OFF,
    ON,
    SHOWN,
    WATCH,
    WRITES,
    Frame,
    Step,
    ask,
    case,
    copy,
    delete,
    error,
    etag,
    forgotten,
    same,
    sent,
    state,
    update,
)


def ask_window(ref: int, **more: Any) -> Frame:
    return {"action": "subscribe", "model": MODEL, "window": f"w{ref}", "ref": ref, **more}


def end_window(ref: int, window: str) -> Frame:
    return {"action": "unsubscribe", "model": MODEL, "window": window, "ref": ref}


def entered(id: str, word: str, window: str = "w1", before: str | None = None) -> Step:
    return state("ENTERED", id, word, window=window, before=before)


def known(id: str, word: str, window: str, before: str | None = None) -> Step:
    return state("ENTERED", id, None, window=window, before=before, etag=etag(word))


def left(id: str, window: str = "w1") -> Step:
    return "frame", {"type": "LEFT", "model": MODEL, "id": id, "window": window}


def complete(ref: int, more: bool = False, cursor: str | None = None) -> Step:
    frame = {"type": "SUBSCRIBED", "model": MODEL, "window": f"w{ref}", "ref": ref}
    return "frame", frame | {"more": more, "cursor": cursor}


def more(window: str, more: bool, cursor: str | None) -> Step:
    frame = {"type": "MORE", "model": MODEL, "window": window}
    return "frame", frame | {"more": more, "cursor": cursor}


def rows(state: str, *titles: str, name: str = "L", ids: str = "") -> Step:
    """The rows' titles; a row's id is the first letter of its title, unless there are `ids`."""
    firsts = ids or "".join(title[0] for title in titles)
    return "list", name, [state, [list(row) for row in zip(firsts, titles, strict=True)]]


OPEN: Final[Step] = ("open", "L", {}, None)
CLOSE: Final[Step] = ("close", "L")

LISTED: Final = (
    ON, OPEN, sent(ask_window(1)), entered("b", "b1"), entered("c", "c1"), rows("pending"),
    complete(1), rows("live", "b1", "c1"),
)  # fmt: skip
FIRST_LIST: Final = {
    "results": [{"title": "b1"}, {"title": "c1"}],
    "rows": [{"id": id, "audience": "viewer", "etag": etag(f"{id}1")} for id in "bc"],
    "more": True,
    "cursor": "x",
}

WINDOWS: Final = (
    case("list", *LISTED),
    case("filter, limit and cursor", ON,
         ("open", "L", {"where": {"status": ["draft"]}, "limit": 5, "after": "x"}, None),
         sent(ask_window(1, where={"status": ["draft"]}, limit=5, after="x"))),
    case("enters above", *LISTED, entered("a", "a1", before="b"), rows("live", "a1", "b1", "c1")),
    case("enters between", *LISTED, entered("d", "d1", before="c"), rows("live", "b1", "d1", "c1")),
    case("enters below", *LISTED, entered("a", "a1"), rows("live", "b1", "c1", "a1")),
    case("update of a row", *LISTED, update("c2", "c"), rows("live", "b1", "c2"), forgotten("c1")),
    case("leaves", *LISTED, left("c"), rows("live", "b1"), forgotten("c1")),
    case("leaves and enters", *LISTED, left("b"), entered("b", "b2", before="c"),
         rows("live", "b2", "c1")),
    case("what is not there leaves", *LISTED, left("z"), rows("live", "b1", "c1")),
    case("more", *LISTED, more("w1", True, "x"), ("more", "L", [True, "x"])),
    case("close forgets", *LISTED, CLOSE, sent(end_window(2, "w1")), forgotten("c1")),
    case("frames of a window that has ended", *LISTED, CLOSE, entered("d", "d1"), left("b"),
         more("w1", True, "x"), forgotten("d1")),
    case("left one window and is in another", *LISTED, ("open", "M", {"limit": 5}, None),
         sent(ask_window(2, limit=5, have={"b": "E-B1", "c": "E-C1"})), known("b", "b1", "w2"),
         complete(2), rows("live", "b1", name="M"), left("b"), left("c"), rows("live"),
         rows("live", "b1", name="M"), forgotten("c1"), left("b", "w2"), forgotten("b1")),
    case("left the window and is held by its id", *LISTED, ("watch", "b", None),
         sent(ask(2, "b", etag="E-B1")), left("b"), copy("live", "b1", "b"), delete("b"),
         copy("pending", None, "b"), error("not_found", 2, id="b"), copy("refused", None, "b"),
         forgotten("b1")),
    case("ended by its id and is in the window", *LISTED, ("watch", "b", None),
         same(2, "b1", "b"), ("unwatch", "b"), rows("live", "b1", "c1"), update("b2", "b"),
         rows("live", "b2", "c1")),
    case("ended by its id, then left the window", *LISTED, ("watch", "b", None),
         same(2, "b1", "b"), ("unwatch", "b"), left("b"), forgotten("b1")),
    case("not found by its id, and in the window", *LISTED, ("watch", "b", None),
         error("not_found", 2, id="b"), copy("refused", None, "b"), rows("live", "b1", "c1"),
         left("b"), forgotten("b1")),
    case("delete takes it out of windows", *LISTED, ("watch", "b", None), same(2, "b1", "b"),
         delete("b"), rows("live", "c1"), copy("gone", None, "b"), forgotten("b1"), left("b")),
    case("cut off", *LISTED, OFF, rows("pending", "b1", "c1"), ON,
         sent(ask_window(2, have={"b": "E-B1", "c": "E-C1"})), known("c", "c1", "w2"),
         rows("pending", "b1", "c1"), complete(2), rows("live", "c1"), forgotten("b1")),
    case("another order after a cut", *LISTED, OFF, ON, known("c", "c1", "w2"),
         entered("b", "b2", "w2"), complete(2), rows("live", "c1", "b2"), forgotten("b1")),
    case("frames from before the cut", *LISTED, OFF, ON, left("b"), entered("d", "d1"),
         rows("pending", "b1", "c1"), forgotten("d1")),
    case("cut off twice", *LISTED, OFF, ON, entered("d", "d1", "w2"), OFF, forgotten("d1"),
         rows("pending", "b1", "c1"), ON, complete(3), rows("live"), forgotten("b1")),
    case("left while it is asked for again", *LISTED, OFF, ON, known("b", "b1", "w2"),
         known("c", "c1", "w2"), left("b", "w2"), rows("pending", "c1"), forgotten("b1"),
         complete(2), rows("live", "c1")),
    case("confirmed, though it is not what is here", *LISTED, OFF, ON, ("watch", "b", None),
         update("b2", "b"), known("b", "b1", "w2"),
         sent(ask_window(2, have={"b": "E-B1", "c": "E-C1"}), ask(3, "b", etag="E-B1"),
              end_window(4, "w2"), ask_window(5, have={"b": "E-B2", "c": "E-C1"})),
         entered("b", "b1", "w5"), known("c", "c1", "w5"), complete(5), rows("live", "b1", "c1")),
    case("confirmed, and nothing is here", ON, OPEN, known("b", "b1", "w1"),
         sent(ask_window(1), end_window(2, "w1"), ask_window(3)), entered("b", "b1", "w3"),
         complete(3), rows("live", "b1")),
    case("refused", ON, OPEN, sent(ask_window(1)), error("invalid", 1, window="w1"),
         rows("refused"), OFF, ON, CLOSE, sent()),
    case("too many", ON, OPEN, error("too_many_subscriptions", 1, window="w1"), rows("refused")),
    case("credential or membership ended", *LISTED, FORGET, rows("pending"), forgotten("b1"),
         forgotten("c1"), ON, sent(ask_window(2))),
    case("answer of the list", ON, ("open", "L", {}, FIRST_LIST), rows("pending", "b1", "c1"),
         sent(ask_window(1, have={"b": "E-B1", "c": "E-C1"})), known("b", "b1", "w1"),
         complete(1), rows("live", "b1"), forgotten("c1")),
    case("answer of the list, of what is here", *SHOWN, ("watch", "b", {**FIRST, "etag": "E-B2"}),
         sent(ask(2, "b", etag="E-B2")), ("open", "L", {}, FIRST_LIST),
         copy("pending", "first", "b"), rows("pending", "first", "c1", ids="bc")),
    case("nothing to name", ON, WATCH, OPEN, sent(ask(1), ask_window(2))),
    case("entered where it is", *LISTED, entered("c", "c1", before="b"), rows("live", "c1", "b1")),
    case("window may have 300 names", ON,
         *(("watch", f"i{n}", {**FIRST, "etag": "e" * 32}) for n in range(400)), ("sent", None),
         OPEN, ("haves", 1, 300)),
    case("changes", *LISTED, ("changes", {}, [
            {"type": "entered", "id": "c", "before": None},
            {"type": "entered", "id": "b", "before": "c"}]),
         ("changes", {"b": "E-B1", "c": "E-C1"}, []),
         left("b"), update("c2", "c"), entered("a", "a1", before="c"),
         ("changes", {"b": "E-B1", "c": "E-C1"}, [
             {"type": "left", "id": "b"}, {"type": "updated", "id": "c"},
             {"type": "entered", "id": "a", "before": "c"}])),
)  # fmt: skip

TABLE: Final = (*OBJECTS, *WRITES, *WINDOWS)

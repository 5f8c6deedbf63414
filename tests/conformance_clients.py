"""What a client does with what comes, as one table that the clients of all languages are run by.

A case is what happens to a client's store, in steps: the application's calls, what becomes of the
connection, frames; between them what was sent, what is shown, and what may not be held any longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

MODEL: Final = "resources.document"
Step = tuple[Any, ...]
Frame = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Steps, each the name of an operation and its arguments."""

    name: str
    steps: tuple[Step, ...]


def case(name: str, *steps: Step) -> Case:
    return Case(name, steps)


# What is sent.


def ask(ref: int, id: str = "a", **more: Any) -> Frame:
    return {"action": "subscribe", "model": MODEL, "id": id, "ref": ref, **more}


def end(ref: int, id: str = "a") -> Frame:
    return {"action": "unsubscribe", "model": MODEL, "id": id, "ref": ref}


def ask_window(ref: int, **more: Any) -> Frame:
    return {"action": "subscribe", "model": MODEL, "window": f"w{ref}", "ref": ref, **more}


def end_window(ref: int, window: str) -> Frame:
    return {"action": "unsubscribe", "model": MODEL, "window": window, "ref": ref}


def sent(*frames: Frame) -> Step:
    return "sent", list(frames)


# What comes.


def etag(word: str) -> str:
    return f"E-{word.upper()}"


def state(kind: str, id: str, word: str | None, **more: Any) -> Step:
    """A frame with a state, whose title is this word; the etag is it in capitals."""
    frame = {"type": kind, "model": MODEL, "id": id, "audience": "viewer"} | more
    if word is not None:
        frame |= {"etag": etag(word), "payload": {"id": id, "title": word}}
    return "frame", frame


def answer(ref: int, word: str, id: str = "a", **more: Any) -> Step:
    return state("SUBSCRIBED", id, word, ref=ref, **more)


def same(ref: int, word: str, id: str = "a") -> Step:
    return state("SUBSCRIBED", id, None, ref=ref, etag=etag(word))


def update(word: str, id: str = "a", **more: Any) -> Step:
    return state("UPDATE_DOCUMENT", id, word, **({"changed": ["title"]} | more))


def delete(id: str = "a") -> Step:
    return "frame", {"type": "DELETE_DOCUMENT", "model": MODEL, "id": id}


def error(code: str, ref: int | None = None, **about: Any) -> Step:
    frame = {"type": "ERROR", "code": code, "detail": "Why.", "model": MODEL, **about}
    return "frame", frame if ref is None else frame | {"ref": ref}


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


# What is shown: of a copy its state and title, of a list its state, ids and titles.


def copy(state: str, title: str | None = None, id: str = "a") -> Step:
    return "copy", id, [state, title]


def rows(state: str, *titles: str, name: str = "L") -> Step:
    """The rows' titles; a row's id is the first letter of its title."""
    return "list", name, [state, [[title[0], title] for title in titles]]


ON: Final[Step] = ("connected",)
OFF: Final[Step] = ("disconnected", False)
FORGET: Final[Step] = ("disconnected", True)
WATCH: Final[Step] = ("watch", "a", None)
UNWATCH: Final[Step] = ("unwatch", "a")
OPEN: Final[Step] = ("open", "L", {}, None)
CLOSE: Final[Step] = ("close", "L")
GONE: Final[Step] = copy("gone")


def forgotten(word: str) -> Step:
    return "forgotten", word


SHOWN: Final = (ON, WATCH, sent(ask(1)), answer(1, "alpha"), copy("live", "alpha"))
LISTED: Final = (
    ON, OPEN, sent(ask_window(1)), entered("b", "b1"), entered("c", "c1"), rows("pending"),
    complete(1), rows("live", "b1", "c1"),
)  # fmt: skip
FIRST: Final = {"payload": {"title": "first"}, "etag": "E-FIRST", "audience": "viewer"}
FIRST_LIST: Final = {
    "results": [{"title": "b1"}, {"title": "c1"}],
    "rows": [{"id": id, "audience": "viewer", "etag": etag(f"{id}1")} for id in "bc"],
    "more": True,
    "cursor": "x",
}

OBJECTS: Final = (
    case("subscribe", *SHOWN),
    case("nothing is sent before WELCOME", WATCH, sent(), ON, sent(ask(1))),
    case("update", *SHOWN, update("beta"), copy("live", "beta"), forgotten("alpha")),
    case("another audience", *SHOWN, state("AUDIENCE_CHANGED", "a", "beta"), copy("live", "beta"),
         forgotten("alpha")),
    case("update of what nobody holds", ON, update("beta"), forgotten("beta")),
    case("held once for many", *SHOWN, WATCH, sent()),
    case("unsubscribe forgets", *SHOWN, UNWATCH, sent(end(2)), forgotten("alpha")),
    case("delete forgets", *SHOWN, delete(), GONE, forgotten("alpha"), sent()),
    case("what is gone is asked for again", *SHOWN, delete(), WATCH, copy("pending"),
         sent(ask(2)), answer(2, "beta"), copy("live", "beta")),
    case("end of what is gone is not said", *SHOWN, delete(), UNWATCH, sent()),
    case("not found", ON, WATCH, sent(ask(1)), error("not_found", 1, id="a"), copy("refused")),
    case("not found of an earlier request", *SHOWN, UNWATCH, WATCH, sent(end(2), ask(3)),
         error("not_found", 1, id="a"), copy("pending"), answer(3, "beta"), copy("live", "beta")),
    case("delete before the answer to a new request", *SHOWN, UNWATCH, WATCH,
         sent(end(2), ask(3)), delete(), copy("pending"), forgotten("alpha"), answer(3, "beta"),
         copy("live", "beta")),
    case("too many subscriptions", ON, WATCH, error("too_many_subscriptions", 1),
         copy("refused")),
    case("invalid", ON, WATCH, error("invalid", 1), copy("refused")),
    case("error about nobody", *SHOWN, error("invalid"), copy("live", "alpha")),
    case("unavailable keeps the copy", *SHOWN, error("unavailable", id="a"),
         copy("pending", "alpha"), update("alpha"), copy("live", "alpha")),
    case("unavailable answers", ON, WATCH, error("unavailable", 1, id="a"), copy("pending"),
         answer(1, "alpha"), copy("live", "alpha")),
    case("unavailable, then gone", *SHOWN, error("unavailable", id="a"), delete(), GONE,
         forgotten("alpha")),
    case("cut off", *SHOWN, OFF, copy("pending", "alpha"), ON, sent(ask(2, etag="E-ALPHA")),
         same(2, "alpha"), copy("live", "alpha")),
    case("changed meanwhile", *SHOWN, OFF, ON, answer(2, "beta"), copy("live", "beta"),
         forgotten("alpha")),
    case("gone meanwhile", *SHOWN, OFF, ON, error("not_found", 2, id="a"), copy("refused"),
         forgotten("alpha")),
    case("what was gone stays so", *SHOWN, delete(), sent(), OFF, GONE, ON, sent()),
    case("unsubscribe while cut off", *SHOWN, OFF, UNWATCH, forgotten("alpha"), ON, sent()),
    case("confirmed, though it is not what is here", *SHOWN, OFF, ON, update("beta"),
         sent(ask(2, etag="E-ALPHA")), same(2, "alpha"), sent(ask(3, etag="E-BETA")),
         answer(3, "alpha"), copy("live", "alpha")),
    case("credential or membership ended", *SHOWN, FORGET, copy("pending"), forgotten("alpha"),
         ON, sent(ask(2))),
    case("first copy", ON, ("watch", "a", FIRST), copy("pending", "first"),
         sent(ask(1, etag="E-FIRST")), same(1, "first"), copy("live", "first")),
    case("first copy of what is here", *SHOWN, ("watch", "a", FIRST), copy("live", "alpha")),
    case("frames of servers to come", *SHOWN, ("frame", {"type": "NEW", "model": MODEL, "id": "a"}),
         ("frame", {"type": "NEW"}), copy("live", "alpha")),
    case("answer to unsubscribe", *SHOWN, UNWATCH, WATCH,
         ("frame", {"type": "UNSUBSCRIBED", "model": MODEL, "id": "a", "ref": 2}),
         copy("pending"), answer(3, "beta"), copy("live", "beta")),
)  # fmt: skip

WRITTEN: Final = {"payload": {"title": "mine"}, "etag": "E-MINE", "audience": "viewer"}
MINE: Final[Step] = ("wrote", "a", WRITTEN)

WRITES: Final = (
    case("answer before the frame", *SHOWN, MINE, copy("live", "mine"),
         sent(ask(2, etag="E-MINE")), update("mine"), same(2, "mine"), copy("live", "mine")),
    case("own write is told once", *SHOWN, MINE, ("told",), update("mine"), ("told",)),
    case("frame before the answer", *SHOWN, update("mine"), MINE, sent(), copy("live", "mine")),
    case("somebody wrote after me", *SHOWN, update("mine"), update("beta"), MINE, sent(),
         copy("live", "beta")),
    case("only the later state was sent", *SHOWN, update("beta"), MINE,
         sent(ask(2, etag="E-MINE")), answer(2, "beta"), copy("live", "beta")),
    case("written while cut off", *SHOWN, OFF, MINE, copy("pending", "mine"), ON,
         sent(ask(2, etag="E-MINE")), same(2, "mine"), copy("live", "mine")),
    case("written after it was gone", *SHOWN, delete(), MINE, GONE, sent(), forgotten("mine")),
    case("draft", *SHOWN, ("draft", "a", {"title": "mine"}), copy("live", "mine"), ("undo",),
         copy("live", "alpha")),
    case("draft over an update", *SHOWN, ("draft", "a", {"title": "mine"}), update("beta"),
         copy("live", "mine"), ("undo",), copy("live", "beta")),
    case("draft of what is gone", *SHOWN, ("draft", "a", {"title": "mine"}), delete(), GONE,
         forgotten("mine"), ("undo",), GONE),
)  # fmt: skip

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
    case("window may have 300 names", ON,
         *(("watch", f"i{n}", {**FIRST, "etag": "e" * 32}) for n in range(400)), ("sent", None),
         OPEN, ("haves", 1, 300)),
    case("changes", *LISTED, ("changes", {}, [
            {"type": "entered", "id": "c", "before": None},
            {"type": "entered", "id": "b", "before": "c"}]),
         left("b"), update("c2", "c"), entered("a", "a1", before="c"),
         ("changes", {"b": "E-B1", "c": "E-C1"}, [
             {"type": "left", "id": "b"}, {"type": "updated", "id": "c"},
             {"type": "entered", "id": "a", "before": "c"}])),
)  # fmt: skip

TABLE: Final = (*OBJECTS, *WRITES, *WINDOWS)

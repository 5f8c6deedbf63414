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


# What is shown: of a copy its state and title.


def copy(state: str, title: str | None = None, id: str = "a") -> Step:
    return "copy", id, [state, title]


ON: Final[Step] = ("connected",)
OFF: Final[Step] = ("disconnected", False)
FORGET: Final[Step] = ("disconnected", True)
WATCH: Final[Step] = ("watch", "a", None)
UNWATCH: Final[Step] = ("unwatch", "a")
GONE: Final[Step] = copy("gone")


def forgotten(word: str) -> Step:
    return "forgotten", word


SHOWN: Final = (ON, WATCH, sent(ask(1)), answer(1, "alpha"), copy("live", "alpha"))
FIRST: Final = {"payload": {"title": "first"}, "etag": "E-FIRST", "audience": "viewer"}
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
    case("confirmation of an earlier request", *SHOWN, OFF, ON, UNWATCH, WATCH, same(2, "alpha"),
         sent(ask(2, etag="E-ALPHA"), end(3), ask(4)), copy("pending"), answer(4, "beta"),
         copy("live", "beta")),
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

"""Obeying: what a client asks of the hub for its socket. A round brings the answers."""

from __future__ import annotations

from functools import partial

from permissions import cursors
from permissions.audiences import registry
from permissions.cursors import InvalidCursor
from permissions.filters import match
from permissions.representation import ObjectKey
from realtime.hub.hub import Hub
from realtime.state import ledger_entries
from realtime.state.commands import (
    CloseWindow,
    InvalidFrame,
    OpenWindow,
    Subscribe,
    Unsubscribe,
)
from realtime.state.messages import unsubscribed, window_unsubscribed
from realtime.state.sockets import Socket
from realtime.state.subscriptions import Subscription, Waiting
from realtime.state.windows import Window


def subscribe(hub: Hub, socket: Socket, command: Subscribe) -> None:
    """Register a subscribe; a round brings its answer. The target's key is not None."""
    assert command.target.pk is not None
    key = ObjectKey(command.target.model, command.target.pk)
    waiting = Waiting(command.ref, command.etag)
    rounds = hub.rounds_of(socket.tenant_id)
    known = socket.subscriptions.get(key)
    subscription = known or Subscription(socket, key, command.target.id)
    if not subscription.single:  # it is not in the object's own group
        subscription.single = True
        subscription.silence()
    subscription.ask(waiting)
    if known is None:
        socket.subscriptions[key] = subscription
        rounds.add(subscription)
    else:
        rounds.ask([subscription])


def full(socket: Socket, command: Subscribe) -> bool:
    """Return whether the socket already has as many subscriptions as it may."""
    key = ObjectKey(command.target.model, command.target.pk)
    return (
        key not in socket.subscriptions
        and len(_singles(socket)) >= (socket.limits["subscriptions_per_socket"])
    )


def unsubscribe(hub: Hub, socket: Socket, command: Unsubscribe) -> None:
    """End a subscription, if there is one, and confirm it; its windows keep their rows."""
    target = command.target
    subscription = None
    if target.pk is not None:
        key = ObjectKey(target.model, target.pk)
        subscription = socket.subscriptions.get(key)
        socket.mailbox.forget(key)
    if subscription is not None and subscription.single:
        if socket.windows:
            hub.rounds_of(socket.tenant_id).end_single(subscription)
        else:
            hub.end(subscription, ledger_entries.UNSUBSCRIBED)
    socket.mailbox.answer(unsubscribed(target.model, target.id, command.ref))


def open_window(hub: Hub, socket: Socket, command: OpenWindow) -> None:
    """Open a window, in the place of one of the same name; raise InvalidFrame for a cursor that is
    not this reader's."""
    rounds = hub.rounds_of(socket.tenant_id)
    resource = registry.get(command.model)
    place = resource, socket.tenant_id, socket.user_id
    try:
        after = None if command.after is None else cursors.decode(*place, command.after)
    except InvalidCursor as invalid:
        raise InvalidFrame(f"after: {invalid}", command.ref, command.window) from None
    before = socket.windows.get(command.window)
    if before is not None:
        rounds.windows.close(before)
    window = Window(
        socket,
        command.model,
        command.window,
        limit=command.limit,
        after=after,
        where=command.where,
        fields=resource.filters,
        matches=partial(match, command.where),
        have=command.have,
        ref=command.ref,
        sign=partial(cursors.encode, *place),
    )
    socket.windows[window.name] = window
    rounds.windows.open(window)


def full_of_windows(socket: Socket, command: OpenWindow) -> bool:
    """Return whether the socket has as many windows as it may, or rows in their limits."""
    others = [w for w in socket.windows.values() if w.name != command.window]
    rows = sum(w.limit for w in others) + command.limit
    return bool(
        len(others) >= socket.limits["windows_per_socket"]
        or rows > socket.limits["rows_per_socket"]
    )


def close_window(hub: Hub, socket: Socket, command: CloseWindow) -> None:
    """End a window, if there is one of this model, and confirm it."""
    window = socket.windows.get(command.window)
    if window is not None and window.model == command.model:
        hub.rounds_of(socket.tenant_id).windows.close(window)
    socket.mailbox.answer(window_unsubscribed(command.model, command.window, command.ref))


def _singles(socket: Socket) -> list[Subscription]:
    if not socket.windows:
        return list(socket.subscriptions.values())
    return [s for s in socket.subscriptions.values() if s.single]

"""A socket as the hub sees it: who it is, what it subscribes to, what it has to be sent. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from permissions.representation import ObjectKey
from realtime.state import settling
from realtime.state.codes import Close
from realtime.state.mailbox import Mailbox
from realtime.state.subscriptions import Subscription
from realtime.state.windows import Keeper, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tenants.credentials import Client, Held, Identity, Key
    from tenants.validity import Validity


KEPT_CHARACTERS: Final = 2**16
"""Longer texts are encoded for each socket: to keep them costs more than to copy them."""


@dataclass(eq=False, slots=True)
class Socket:
    """One WebSocket of one user in one tenant, by its connection id.

    It receives nothing but of its one tenant. `registered` is the kind and key of the credential
    that its row in the database names, or None without one; `expire_at` sets when it is closed.
    `sending_since` is the loop's time at which the send under way began or last made progress, or
    None; `buffered` tells how many bytes are on their way, in the server's buffer too; `cut` ends a
    socket that takes nothing.
    """

    id: str
    identity: Identity
    client: Client
    since: datetime
    mailbox: Mailbox
    cut: Callable[[], None]
    buffered: Callable[[], int]
    expire_at: Callable[[datetime | None], None]
    subscriptions: dict[ObjectKey, Subscription] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    keeper: Keeper = field(init=False)
    user_id: int = field(init=False)
    tenant_id: int = field(init=False)
    registered: Key | None = None
    sending_since: float | None = None
    frames: int = 0
    bytes: int = 0
    _buffered_before: int = 0
    _measured: int = 0

    def __post_init__(self) -> None:
        self.user_id, self.tenant_id = self.identity.user_id, self.identity.tenant_id

    @property
    def limits(self) -> Mapping[str, Any]:
        """Its tenant's limits."""
        return self.identity.limits

    @property
    def held(self) -> Held:
        """What must stay valid for the socket to stay."""
        return self.user_id, self.tenant_id, self.identity.credential

    @property
    def key(self) -> Key:
        """The kind and key of its credential."""
        return self.identity.credential.kind, self.identity.credential.key

    def renew(self, identity: Identity) -> None:
        """Go on by another credential, of the same user and for the same tenant."""
        self.identity = identity
        self.expire_at(identity.credential.expires_at)

    def judge(self, validity: Validity) -> None:
        """Close it if it may not stay; else let it stay until its credential expires now."""
        credential = self.identity.credential
        if validity.code is not None:
            self.mailbox.close(Close(validity.code))
        elif validity.expires_at != credential.expires_at:
            until = replace(credential, expires_at=validity.expires_at)
            self.renew(replace(self.identity, credential=until))

    @property
    def kept(self) -> int:
        """Bytes that are kept for it: what waits, and what is on its way."""
        return self.mailbox.held + self.buffered()

    def measure(self) -> int:
        """`kept`, before what was sent is counted: one for which nothing waited, and to which
        nothing was sent since, is not asked."""
        if self.frames or self._measured or self.mailbox.held:
            self._measured = self.kept
        return self._measured

    def stalled(self, now: float, seconds: float) -> bool:
        """Whether something has waited so long without a byte of it being taken.

        One that is being closed has so long for the frame under way, progress or not.
        """
        if self.sending_since is None:
            return False
        before, self._buffered_before = self._buffered_before, self.buffered()
        if self._buffered_before < before and self.mailbox.closing is None:
            self.sending_since = now
        return now - self.sending_since > seconds

    def sent(self, text: str) -> int:
        """Count a frame, and say its size; whoever adds the counts up sets them back."""
        size = len(text) if text.isascii() else encoded_size(text)
        self.frames += 1
        self.bytes += size
        return size

    def settle(self, subscription: Subscription) -> None:
        """Decide again which windows hold a row, after a write of its slot."""
        settling.settle(subscription)

    def forget(self, subscription: Subscription) -> None:
        """Drop a subscription that has ended, unless a newer one has its place."""
        if self.subscriptions.get(subscription.key) is subscription:
            del self.subscriptions[subscription.key]
        if self.windows:
            settling.come(subscription)


def encoded_size(text: str) -> int:
    """The size of a text in UTF-8: a short one that goes to many sockets is encoded once."""
    measure = _encoded_size if len(text) <= KEPT_CHARACTERS else _encoded_size.__wrapped__
    return measure(text)


@lru_cache(maxsize=16)
def _encoded_size(text: str) -> int:
    return len(text.encode())

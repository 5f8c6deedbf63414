"""Hashing that the test holds, and lanes that say who waits."""

from __future__ import annotations

from threading import Condition, Event, Semaphore

from django.contrib.auth.hashers import MD5PasswordHasher

from tenants.hashing import Lane


class Announcing(Condition):
    """Says when somebody has come to the point where they wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        self.waiting.release()
        return super().wait(timeout)

    def waits(self) -> bool:
        """Wait until somebody waits."""
        return self.waiting.acquire(timeout=30)


def announcing(lane: Lane) -> Announcing:
    """Have a lane that nobody is in say who waits for a place in it."""
    condition = Announcing()
    lane._changed = condition
    return condition


class Gated(MD5PasswordHasher):
    """Hashes when the test lets it."""

    begun, may_end = Event(), Event()

    def encode(self, password: str, salt: str) -> str:
        self.begun.set()
        assert self.may_end.wait(30)
        return super().encode(password, salt)

"""What a close code asks of a client, and a credential's end, as tables that the clients of all
languages are run by.

A case is a code, what earlier closes left behind, WELCOME's window, a random number in [0, 1), and
the seconds that REST asked for; then the delay (None: stay away), whether to forget and to renew
the credential, and the past that is left.
"""

from __future__ import annotations

from typing import Any, Final

CLEAN: Final = {"failures": 0, "renewed": False}
FAILED: Final = {"failures": 3, "renewed": False}
LONG: Final = {"failures": 50, "renewed": False}
RENEWED: Final = {"failures": 1, "renewed": True}
RETRY: Final = {"min": 1, "max": 15}


def close(
    code: int, delay: float | None, past: Any = CLEAN, left: Any = CLEAN, *, random: float = 0.5,
    after: float = 0, forget: bool = False, renew: bool = False,
) -> tuple[tuple[Any, ...], dict[str, Any]]:  # fmt: skip
    does = {"delay": delay, "forget": forget, "renew": renew, "past": left}
    return (code, past, RETRY, random, after), does


GROWN: Final = {"failures": 1, "renewed": False}

CLOSES: Final = (
    *(close(code, None, FAILED) for code in (1000, 1002, 1007, 1009, 4400, 4413)),
    close(4403, None, FAILED, forget=True),
    close(4401, 0, FAILED, {"failures": 3, "renewed": True}, forget=True, renew=True),
    close(4401, 7, left={"failures": 0, "renewed": True}, after=7, forget=True, renew=True),
    close(4401, None, RENEWED, forget=True),
    *(close(code, 8, FAILED, FAILED) for code in (4503, 1001, 1012)),
    close(4503, 1, random=0.0),
    close(4503, 20, after=20),
    close(4429, 22, FAILED, FAILED),
    close(4429, 15, random=0.0),
    *(close(code, 0.25, left=GROWN) for code in (4500, 1005, 1006, 1011, 4408, 3000)),
    close(4500, 2, FAILED, {"failures": 4, "renewed": False}),
    close(4500, 15, LONG, {"failures": 51, "renewed": False}),
    close(1006, 0, FAILED, {"failures": 4, "renewed": False}, random=0.0),
    close(1006, 0.5, RENEWED, {"failures": 2, "renewed": True}),
)

RENEWALS: Final = (
    (36_000, 32_400), (2, 1.8), (1, None), (0, None), (-5, None), (3e6, 2e6), (float("nan"), None),
)  # fmt: skip
"""The seconds until a credential ends, and after how many one goes on by a fresh one (None: what
is left is too short, or it does not end)."""

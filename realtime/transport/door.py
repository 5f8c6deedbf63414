"""The one door for credentials, asked on threads of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from django.db import DatabaseError, close_old_connections

from realtime.audit import ledger
from tenants.connections import reserve
from tenants.credentials import Client, Identity, client_of, identify_socket
from tenants.refused import Refused
from tenants.renewing import renew_identity

__all__ = ["ask", "identify", "renew_identity"]

T = TypeVar("T")

# Not the loop's default threads, which others use and whose connections requests could take.
_threads = ThreadPoolExecutor(4, "earshot-door", initializer=reserve)


async def ask(work: Callable[..., T], *args: Any) -> T | Refused | DatabaseError:
    """Work on one of the door's threads; return what that returns, or why it could not."""
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(_work, work, *args))


def identify(scope: Any, process: int) -> tuple[Identity, Client, int]:
    """Return who opens a socket, from where, and how many they have in other processes; or raise
    `Refused`."""
    identity = identify_socket(scope)
    return identity, client_of(scope), ledger.sockets_of_user(identity.user_id, process)


def _work(work: Callable[..., T], *args: Any) -> T | Refused | DatabaseError:
    try:
        return work(*args)
    except (Refused, DatabaseError) as error:
        return error
    finally:
        close_old_connections()

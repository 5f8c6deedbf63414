"""A client for Python: live copies of what you may see, over one WebSocket.

    async with connect("wss://…/ws/", tenant="acme", credentials=token) as earshot:
        async for copy in earshot.object("resources.document", id):
            print(copy.state, copy.payload)

It needs `websockets`, and no Django. The contract is the protocol's.
"""

from .client import Earshot, LiveList, LiveObject, Stopped, connect
from .connection import CredentialRefused, Status
from .copies import Answer, Change, Copy, Refusal, Rows

__all__ = [
    "Answer", "Change", "Copy", "CredentialRefused", "Earshot", "LiveList", "LiveObject",
    "Refusal", "Rows", "Status", "Stopped", "connect",
]  # fmt: skip

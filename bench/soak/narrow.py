"""Connections that the kernel buffers little for."""

from __future__ import annotations

import socket


def narrow(port: int) -> socket.socket:
    """One to this port of this machine: what is not read soon fills the server's buffers."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    return connection

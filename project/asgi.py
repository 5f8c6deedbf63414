"""The ASGI application, for Daphne and uvicorn."""

import os

import django
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup(set_prefix=False)

from project.headers import BeforeDjango, before_django  # noqa: E402
from project.logs import take_over_daphne  # noqa: E402
from project.runtime import tune  # noqa: E402  (needs the apps to be loaded)
from realtime.routing import websocket_urlpatterns  # noqa: E402
from realtime.transport.streams import Streams  # noqa: E402
from tenants.connections import bound  # noqa: E402
from tenants.handler import http  # noqa: E402


async def refuse(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answer a handshake for an address that has no socket: 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1000, "reason": None})


# Channels' routes are ASGI applications, where Django's types know views only.
no_socket = re_path("", refuse)  # type: ignore[arg-type]

# No authentication here: the conversation asks tenants.credentials, which REST asks as well.
application = ProtocolTypeRouter(
    {
        "http": Streams(BeforeDjango(http()), before_django),
        "websocket": URLRouter([*websocket_urlpatterns, no_socket]),
    }
)

tune()
take_over_daphne()
bound()

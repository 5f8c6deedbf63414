"""Where the socket is."""

from realtime.routing import websocket_urlpatterns
from realtime.transport.websocket import EarshotConsumer


def test_only_address_with_a_socket_is_ws() -> None:
    (route,) = websocket_urlpatterns
    match = route.resolve("ws/")
    assert match is not None
    assert match.func.consumer_class is EarshotConsumer
    assert not any(route.resolve(path) for path in ("ws", "ws/x", "x/ws/", ""))

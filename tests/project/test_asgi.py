from typing import Any

from channels.testing import HttpCommunicator, WebsocketCommunicator

from project.asgi import application


async def get(path: str) -> dict[str, Any]:
    """Return the application's answer when it has ended."""
    communicator = HttpCommunicator(application, "GET", path, headers=[(b"host", b"localhost")])
    response: dict[str, Any] = await communicator.get_response()
    await communicator.wait()
    return response


async def test_http_reaches_django() -> None:
    response = await get("/healthz")
    assert (response["status"], response["body"]) == (200, b"ok\n")


async def test_static_file_is_served_without_a_warning() -> None:
    response = await get("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css")
    assert response["status"] == 200
    assert b"swagger-ui" in response["body"]


async def test_socket_at_an_unknown_address_is_refused() -> None:
    connected, _ = await WebsocketCommunicator(application, "/nothing/").connect()
    assert connected is False

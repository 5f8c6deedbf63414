"""Static files, served by the application itself."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware

CLIENT: Final = f"{settings.STATIC_URL}earshot/client/"
"""The JavaScript client, which pages of other origins may import; nothing else is for them."""


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise with whole answers: under ASGI, Django would read its streamed ones to the end
    and warn about it each time."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with found.file as file:
                content = file.read()
        headers = dict(found.headers)
        if request.path_info.startswith(CLIENT):
            headers["Access-Control-Allow-Origin"] = "*"
        return HttpResponse(content, status=int(found.status), headers=headers)

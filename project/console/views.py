"""The pages at `/` and `/password/`."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.generic import TemplateView


def content_security_policy(host: str) -> str:
    """Allow what this project itself serves, and nothing inline; `host` is Django's checked one."""
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        # Not every browser counts a WebSocket to the same host as 'self'.
        "connect-src": f"'self' ws://{host} wss://{host}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


class PageView(TemplateView):
    """Serves a page only: whatever it shows, it asks the API and the socket for."""

    http_method_names = ["get", "head", "options"]
    request: HttpRequest

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Add the policy to the rendered page."""
        headers = {"Content-Security-Policy": content_security_policy(self.request.get_host())}
        return super().render_to_response(context, headers=headers, **kwargs)


class ConsoleView(PageView):
    """The demo's page, which logs in as people of the demo: without the demo it is not there."""

    template_name = "console/index.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.DEMO:
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class PasswordView(PageView):
    """Where links in e-mails lead; their parts stay in the browser until it posts them."""

    template_name = "console/password.html"

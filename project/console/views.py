"""The pages at `/` and `/password/`."""

from typing import Any

from django.http import HttpRequest, HttpResponse
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


class ConsoleView(TemplateView):
    """Serves the page only: whatever it shows, it asks the API and the socket for."""

    template_name = "console/index.html"
    http_method_names = ["get", "head", "options"]
    request: HttpRequest

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Add the policy to the rendered page."""
        headers = {"Content-Security-Policy": content_security_policy(self.request.get_host())}
        return super().render_to_response(context, headers=headers, **kwargs)


class PasswordView(ConsoleView):
    """Where links in e-mails lead; their parts stay in the browser until it posts them."""

    template_name = "console/password.html"

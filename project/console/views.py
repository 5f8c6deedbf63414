"""The pages at `/` and `/password/`."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.generic import TemplateView


class PageView(TemplateView):
    """Serves a page only: whatever it shows, it asks the API and the socket for."""

    http_method_names = ["get", "head", "options"]


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

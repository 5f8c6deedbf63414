"""The console as a Django app, so that its template and static files are found."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Has no models; it talks to the API and the socket like any other client."""

    name = "project.console"
    label = "console"

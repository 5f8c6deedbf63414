"""The app `listed` in processes that serve: their settings name it, as any project's would."""

from __future__ import annotations

from django.apps import AppConfig


class Serving(AppConfig):
    """Declares its models."""

    name = "tests.listed"

    def ready(self) -> None:
        from permissions.audiences import registry
        from tests.listed.urls import RESOURCES

        for resource in RESOURCES.values():
            registry.register(resource)

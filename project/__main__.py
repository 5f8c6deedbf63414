"""`python -m project`: the application on Daphne, where the settings say."""

import os

import django
from daphne.cli import CommandLineInterface
from django.conf import settings


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    heartbeat = str(settings.EARSHOT["heartbeat_seconds"])
    CommandLineInterface().run(
        ["-b", settings.HOST, "-p", settings.PORT, "--ping-interval", heartbeat]
        + ["project.asgi:application"]
    )


if __name__ == "__main__":
    main()

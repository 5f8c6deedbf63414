"""`python -m project`: the application on Daphne, where the settings say."""

import logging
import os

import django
from daphne.cli import CommandLineInterface
from django.conf import settings

from project.environment import told_plainly
from realtime.transport.on_daphne import Server
from tenants.limits import limits


class Bounded(CommandLineInterface):
    """Daphne's command with a server that bounds what clients can make grow."""

    server_class = Server


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    with told_plainly():
        django.setup()
    logging.getLogger("project").info("Serving http://%s:%s/", settings.HOST, settings.PORT)
    ping = str(limits()["ping_seconds"])
    Bounded().run(
        ["-b", settings.HOST, "-p", settings.PORT, "--ping-interval", ping]
        + ["project.asgi:application"]
    )


if __name__ == "__main__":
    main()

"""The tests' settings, for processes whose documents can be hidden by what they hold, and that have
models of every kind."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "tests.hiding.Hiding",
    "tests.keyed.serving.Serving",
    "tests.listed.serving.Serving",
]

"""The tests' settings for what is measured; `BENCH_DROP_NOTICES=1` loses notices on the way."""

import os

os.environ.setdefault("EARSHOT_ORACLE", "0")  # what is measured is a server without

from tests.settings import *  # noqa: F403
from tests.settings import CHANNEL_LAYERS

if os.environ.get("BENCH_DROP_NOTICES"):
    CHANNEL_LAYERS["default"]["BACKEND"] = "bench.lossy.NoticeDroppingLayer"

# A password costs here what it costs in production.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]

# Broken parts are what a soak is about; what a server says of them is in its log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"level": "ERROR", "handlers": ["stderr"]},
    "loggers": {
        "django.request": {"level": "ERROR"},  # floods are refused by the thousand
        "psycopg.pool": {"level": "CRITICAL"},
    },
}

"""The project's settings as the tests need them, in the tests and in the servers they start."""

import os

# A developer's `.env` may name a real database: it is not for the tests.
os.environ["ENV_FILE"] = os.devnull
os.environ.setdefault("SECRET_KEY", "for tests only, known to everybody")
if not os.environ.get("REDIS_URL"):
    os.environ.setdefault("EARSHOT_SINGLE_PROCESS", "1")
# A slow machine is no database that is away.
os.environ.setdefault("EARSHOT_CONNECTION_SECONDS", "30")
os.environ.setdefault("EARSHOT_ANSWER_SECONDS", "60")
os.environ.setdefault("EARSHOT_ORACLE", "1")
os.environ.setdefault("EARSHOT_PASSWORD_LINK", "https://app.example/password/#{user}/{token}")
# Tests that run at once have databases of their own, in which the same keys mean others.
# The process that starts them may have loaded this too: what it set is not theirs.
if "PYTEST_XDIST_WORKER" in os.environ and (
    os.environ.get("EARSHOT_BROKER_PREFIX", "") in ("", f"test-{os.getppid()}")
):
    os.environ["EARSHOT_BROKER_PREFIX"] = f"test-{os.getppid()}-{os.environ['PYTEST_XDIST_WORKER']}"
os.environ.setdefault("EARSHOT_BROKER_PREFIX", f"test-{os.getpid()}")

from project.settings import *  # noqa: F403
from project.settings import BASE_DIR, DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.given.Given"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Else each client of a test would look through all static files before its first request.
WHITENOISE_AUTOREFRESH = True

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, since an in-memory database has no snapshots; one for each run of the tests.
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "var" / f"test-{os.getpid()}.sqlite3"}

"""Django's settings, from the environment or a `.env` file: see `docs/settings.md`."""

import math
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured

from project import environment, logs
from project.contracts import spectacular
from project.environment import flag, text
from tenants import limit_names
from tenants.limit_rules import Contradiction
from tenants.limits import LIMITS, InvalidLimit, read_limits

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (ENV_FILE := environment.file(BASE_DIR / ".env")) is not None:
    env.read_env(ENV_FILE)

# --- Limits and periods

try:
    EARSHOT = read_limits(os.environ)
except (InvalidLimit, Contradiction) as error:
    raise ImproperlyConfigured(str(error)) from error

# --- Where and how it runs

DEBUG = flag("DEBUG")
DEMO = DEBUG or flag("EARSHOT_DEMO")
HOST = environment.host("HOST", "127.0.0.1")
PORT = environment.port("PORT", "8000")
SECRET_KEY = environment.secret(
    "SECRET_KEY", 0 if DEBUG else 32, "for development only, known to everybody" if DEBUG else ""
)
ALLOWED_HOSTS = environment.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = environment.origins("CSRF_TRUSTED_ORIGINS", wildcards=True)

ASGI_APPLICATION = "project.asgi.application"
ROOT_URLCONF = "project.urls"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "knox",
    "rest_framework",
    "tenants",
    "permissions",
    "realtime",
    "resources",
    "project.console",
    "django.contrib.admin",  # after what declares resources: it shows those that there are
]

MIDDLEWARE = [
    "project.headers.middleware",  # what answers next is to have them too
    "project.middleware.probes",  # before whatever looks at the Host or at TLS
    "project.requests.middleware",
    "tenants.middleware.DatabaseMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "project.static.StaticFilesMiddleware",
    "project.middleware.timed",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Static files are few and small: they are served from where they lie, without being collected.
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Data


def database(url: str) -> dict[str, Any]:
    """Return the settings of PostgreSQL with a pool, or of SQLite that reads while it writes."""
    config: dict[str, Any] = env.db_url_config(url)
    options: dict[str, Any] = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.postgresql":
        config["CONN_MAX_AGE"] = 0  # the pool keeps connections; Django refuses both
        options["pool"] = {
            "min_size": 1,
            "max_size": EARSHOT["database_connections"],
            "timeout": EARSHOT["connection_seconds"],
            # Longer, and a database that is back is found only after the next of growing pauses.
            "reconnect_timeout": EARSHOT["connection_seconds"],
        }
        options["connect_timeout"] = math.ceil(EARSHOT["connection_seconds"])
    else:
        config["CONN_MAX_AGE"] = None  # a new one reads the whole schema before its first statement
        options["transaction_mode"] = "IMMEDIATE"
        options["timeout"] = EARSHOT["database_seconds"]
        options["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
    return config


if not text("DATABASE_URL"):
    (BASE_DIR / "var").mkdir(exist_ok=True)

DATABASES = {
    "default": database(
        environment.database_url(
            "DATABASE_URL", f"sqlite:///{quote(str(BASE_DIR / 'var' / 'earshot.sqlite3'))}"
        )
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Throttles count here, in each process: they must not stop when a broker does. The default
# of 300 entries would let attackers push out their own count.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- Channel layer

REDIS_URLS = environment.redis_urls("REDIS_URL")
if not (flag("EARSHOT_SINGLE_PROCESS") or REDIS_URLS or DEBUG):  # read in any case: it is known
    raise ImproperlyConfigured(
        "Set REDIS_URL, or EARSHOT_SINGLE_PROCESS=1 if there is only one server process: "
        "the in-memory channel layer does not reach other processes."
    )

BROKER_PREFIX = environment.matching(
    "EARSHOT_BROKER_PREFIX",
    r"[A-Za-z0-9._-]{1,40}",
    "have at most 40 letters, digits, dots, hyphens and underscores",
    "earshot",
)
BROKER_KEYS = environment.keys("EARSHOT_BROKER_KEYS")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "prefix": BROKER_PREFIX,
            "symmetric_encryption_keys": BROKER_KEYS,
            "hosts": [
                {
                    "address": url,
                    "socket_timeout": EARSHOT["broker_timeout_seconds"],
                    "socket_connect_timeout": EARSHOT["broker_timeout_seconds"],
                }
                for url in REDIS_URLS
            ],
        },
    }
    if REDIS_URLS
    else {
        # Its defaults drop a message after the hundredth and a membership after a day.
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        "CONFIG": {"capacity": 100_000, "expiry": 10**9, "group_expiry": 10**9},
    }
}

# --- Users, permissions, credentials

AUTH_USER_MODEL = "earshot_tenants.User"
SESSION_ENGINE = "tenants.sessions"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "permissions.backends.AudienceBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_LINK = environment.link(
    "EARSHOT_PASSWORD_LINK",
    ("{user}", "{token}"),
    f"http://{HOST}:{PORT}/password/#{{user}}/{{token}}" if DEBUG else "",
)
PASSWORD_RESET_TIMEOUT = EARSHOT["password_link_hours"] * 3600
ANONYMOUS_USER_NAME = None  # guardian: nobody has permissions without having logged in
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
REST_KNOX = {"TOKEN_TTL": timedelta(hours=EARSHOT["token_hours"]), "AUTO_REFRESH": False}

REQUIRE_SENSITIVITY = flag("EARSHOT_REQUIRE_SENSITIVITY")  # asked by `manage.py check`
LEDGER_KEYS = environment.keys("EARSHOT_LEDGER_KEYS")

# --- E-mail

EMAIL_URL = environment.email_url("EMAIL_URL", "consolemail://" if DEBUG else "dummymail://")
vars().update(env.email_url_config(EMAIL_URL))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.sender("DEFAULT_FROM_EMAIL", "earshot@localhost")

# --- REST

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.rest.TokenAuthentication",
        "tenants.rest.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "tenants.rest.InTenant",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.rest.UserThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["tenants.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "tenants.rest.Pagination",
    "DEFAULT_SCHEMA_CLASS": "project.contracts.fields.ContractSchema",
    "EXCEPTION_HANDLER": "tenants.rest.exception_handler",
    "NUM_PROXIES": EARSHOT["proxies"],  # what a client says about its own address is not believed
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = spectacular.SETTINGS

# --- Browsers

CORS_ALLOWED_ORIGINS = environment.origins("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "if-match",
    "if-none-match",
    "x-csrftoken",
    "x-tenant",
]
CORS_EXPOSE_HEADERS = ["ETag", "Link", "Location", "Retry-After", "X-Audience", "X-Request-ID"]

# The switch for TLS.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("EARSHOT_TLS")
SECURE_HSTS_SECONDS = EARSHOT["hsts_seconds"] if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = flag("EARSHOT_HSTS_SUBDOMAINS")
# Browsers preload whole domains, and for ever: that is for the domain's owner to ask for.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

# --- Metrics

METRICS_TOKEN = environment.token("EARSHOT_METRICS_TOKEN")

# --- Log

LOG_LEVEL = environment.choice(
    "EARSHOT_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO"
)
LOG_FORM = environment.choice("EARSHOT_LOG", ("line", "json"), "line")
LOGGING = logs.config(LOG_LEVEL, as_json=LOG_FORM == "json")

environment.check_unknown(*(limit.variable for limit in LIMITS), *limit_names.old_variables())

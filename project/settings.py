"""Django's settings, from the environment or a `.env` file: see `docs/settings.md`."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured

from tenants.limits import InvalidLimit, read_limits

BASE_DIR = Path(__file__).resolve().parent.parent

environ.Env.read_env(os.environ.get("ENV_FILE") or BASE_DIR / ".env")
env = environ.Env()


def text(name: str, default: str = "") -> str:
    """Return a variable; an empty one counts as absent."""
    return env.str(name, default="") or default


def flag(name: str) -> bool:
    return env.bool(name, default=False) if text(name) else False


def words(name: str, default: str = "") -> list[str]:
    """Return the parts of a comma-separated variable."""
    return [word for part in text(name, default).split(",") if (word := part.strip())]


# --- Limits and periods

try:
    EARSHOT = read_limits(os.environ)
except InvalidLimit as error:
    raise ImproperlyConfigured(str(error)) from error

# --- Where and how it runs

DEBUG = flag("DEBUG")
HOST = text("HOST", "127.0.0.1")
PORT = text("PORT", "8000")
if not (PORT.isdecimal() and 0 < int(PORT) < 65536):
    raise ImproperlyConfigured(f"PORT must be a number from 1 to 65535; it is {PORT!r}.")

SECRET_KEY = text("SECRET_KEY", "for development only, known to everybody" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY to a long random text, or DEBUG=1 to develop.")

ALLOWED_HOSTS = words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")

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
    "pgtrigger",  # without effect on other databases than PostgreSQL
    "rest_framework",
    "tenants",
    "permissions",
    "realtime",
    "resources",
    "project.console",
    "django.contrib.admin",  # after what declares resources: it shows those that there are
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "project.static.StaticFilesMiddleware",
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
            "timeout": EARSHOT["database_seconds"],
        }
    elif config["ENGINE"] == "django.db.backends.sqlite3":
        options["transaction_mode"] = "IMMEDIATE"
        options["timeout"] = EARSHOT["database_seconds"]
        options["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
    else:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite://.")
    return config


DATABASE_URL = text("DATABASE_URL")
if not DATABASE_URL:
    (BASE_DIR / "var").mkdir(exist_ok=True)
    DATABASE_URL = f"sqlite:///{quote(str(BASE_DIR / 'var' / 'earshot.sqlite3'))}"

DATABASES = {"default": database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Throttles count here, in each process: they must not stop when a broker does. The default
# of 300 entries would let an attacker push out his own count.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- Channel layer

REDIS_URLS = words("REDIS_URL")
if not (REDIS_URLS or DEBUG or flag("EARSHOT_SINGLE_PROCESS")):
    raise ImproperlyConfigured(
        "Set REDIS_URL, or EARSHOT_SINGLE_PROCESS=1 if there is only one server process: "
        "the in-memory channel layer does not reach another."
    )

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "prefix": text("EARSHOT_BROKER_PREFIX", "earshot"),
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

AUTH_USER_MODEL = "tenants.User"
SESSION_ENGINE = "tenants.sessions"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
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
PASSWORD_LINK = text("EARSHOT_PASSWORD_LINK", f"http://{HOST}:{PORT}/password/#{{user}}/{{token}}")
if "{user}" not in PASSWORD_LINK or "{token}" not in PASSWORD_LINK:
    raise ImproperlyConfigured("EARSHOT_PASSWORD_LINK must hold {user} and {token}.")
PASSWORD_RESET_TIMEOUT = EARSHOT["password_link_hours"] * 3600
ANONYMOUS_USER_NAME = None  # guardian: nobody has permissions without having logged in
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
REST_KNOX = {"TOKEN_TTL": timedelta(hours=EARSHOT["token_hours"]), "AUTO_REFRESH": False}

# --- E-mail

EMAIL_URL = text("EMAIL_URL", "consolemail://" if DEBUG else "dummymail://")
try:
    vars().update(env.email_url_config(EMAIL_URL))
except (ImproperlyConfigured, ValueError) as error:
    raise ImproperlyConfigured(
        "EMAIL_URL must begin with smtp://, smtp+tls:// or smtp+ssl://."
    ) from error
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = text("DEFAULT_FROM_EMAIL", "earshot@localhost")

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
    "DEFAULT_RENDERER_CLASSES": ["permissions.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["permissions.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "tenants.rest.Pagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tenants.rest.exception_handler",
    "NUM_PROXIES": EARSHOT["proxies"],  # what a client says about its own address is not believed
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Earshot",
    "DESCRIPTION": "A multi-tenant, permission-aware notification server.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Browsers

CORS_ALLOWED_ORIGINS = words("CORS_ALLOWED_ORIGINS")
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
CORS_EXPOSE_HEADERS = ["ETag", "Retry-After", "X-Audience"]

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

# The switch for TLS. /healthz stays reachable for those who stand behind the proxy.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("EARSHOT_TLS")
SECURE_HSTS_SECONDS = EARSHOT["hsts_seconds"] if SECURE_SSL_REDIRECT else 0
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]

# --- Log

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": text("EARSHOT_LOG_LEVEL", "INFO").upper()},
    "loggers": {"django": {"handlers": [], "propagate": True}},
}

"""Settings of the peers, as their own documentation and Channels' tutorial have them."""

from urllib.parse import urlsplit

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, REDIS_URLS

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        # Without, redis-py's default ends idle sockets (channels_redis#422).
        "CONFIG": {"hosts": [{"address": url, "socket_timeout": None} for url in REDIS_URLS]},
    }
}
INSTALLED_APPS = [*INSTALLED_APPS, "django_eventstream"]
MIDDLEWARE = []
ROOT_URLCONF = "bench.peer_urls"
EVENTSTREAM_REDIS = {"host": "127.0.0.1", "port": urlsplit(REDIS_URLS[0]).port}

LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR"}}

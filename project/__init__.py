"""Settings, ASGI application, URLs and console: what puts the apps together."""

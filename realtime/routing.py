"""Where the one socket is: `/ws/`."""

from django.urls import path

from realtime.consumers import EarshotConsumer

websocket_urlpatterns = [path("ws/", EarshotConsumer.as_asgi())]

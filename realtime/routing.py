"""Where the one socket is: `/ws/`."""

from django.urls import path

from realtime.transport.websocket import EarshotConsumer

websocket_urlpatterns = [path("ws/", EarshotConsumer.as_asgi())]

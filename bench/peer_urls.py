"""The address of django-eventstream's stream."""

import django_eventstream
from django.urls import include, path

urlpatterns = [
    path("events/", include((django_eventstream.urls, "events")), {"channels": ["document"]})
]

"""Its declaration, and its address."""

from __future__ import annotations

from typing import Any

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from permissions.audiences import Audience, Resource
from permissions.rest import AudienceViewSet, CreateMixin
from project.urls import urlpatterns as ours
from tests.constrained import models
from tests.keyed.urls import serializer

Booking: Any = models.Booking
WRITTEN = (
    "title",
    "code",
    "key",
    "room",
    "seat",
    "shelf",
    "start",
    "low",
    "high",
    "words",
    "named",
)
KEEPER = Audience(
    "keeper", "change_booking", serializer(Booking, *WRITTEN), writes=WRITTEN, deletes=True
)
BOOKINGS = Resource(model=Booking, audiences=(KEEPER,), holders={"owner": "keeper"})
RESOURCES = {Booking: BOOKINGS}


class BookingViewSet(CreateMixin, AudienceViewSet):
    resource = BOOKINGS


router: Any = SimpleRouter()
router.register("bookings", BookingViewSet, basename="booking")
urlpatterns = [path("api/", include(router.urls)), *ours]

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from realtime.audit.rest_connections import ConnectionViewSet
from realtime.audit.rest_ledger import AccessesView, PushesView
from realtime.audit.rest_seen import ReviewAccessesView, SeenByView, WhoSawView

router = SimpleRouter()
router.register("connections", ConnectionViewSet, basename="connection")

urlpatterns = [
    path("", include(router.urls)),
    path("ledger/accesses/", AccessesView.as_view(), name="accesses"),
    path("ledger/pushes/", PushesView.as_view(), name="pushes"),
    path("review/accesses/", ReviewAccessesView.as_view(), name="review-accesses"),
    path("review/seen-by/", SeenByView.as_view(), name="review-seen-by"),
    path("review/who-saw/", WhoSawView.as_view(), name="review-who-saw"),
]

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from realtime.audit.rest_connections import ConnectionViewSet
from realtime.audit.rest_ledger import AccessesView, PushesView

router = SimpleRouter()
router.register("connections", ConnectionViewSet, basename="connection")

urlpatterns = [
    path("", include(router.urls)),
    path("ledger/accesses/", AccessesView.as_view(), name="accesses"),
    path("ledger/pushes/", PushesView.as_view(), name="pushes"),
]

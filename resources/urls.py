"""The flat REST addresses of every resource."""

from rest_framework.routers import SimpleRouter

from resources.documents.views import DocumentViewSet
from resources.profiles.views import ProfileViewSet

router = SimpleRouter()
router.register("documents", DocumentViewSet, basename="document")
router.register("profiles", ProfileViewSet, basename="profile")

urlpatterns = router.urls

"""The HTTP addresses of the whole project."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from project import health, metrics
from project.console.views import ConsoleView, PasswordView
from project.help import HelpView
from project.schema import SchemaView, SocketDocsView, asyncapi

# What OPTIONS would answer has no template, and so would be an error of ours.
docs = SpectacularSwaggerSplitView.as_view(
    url_name="schema", template_name="console/docs.html", http_method_names=["get", "head"]
)

handler400 = "project.errors.bad_request"
handler403 = "project.errors.forbidden"
handler404 = "project.errors.not_found"
handler500 = "project.errors.server_error"

urlpatterns = [
    path("", ConsoleView.as_view(), name="console"),
    path("password/", PasswordView.as_view(), name="password-page"),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/asyncapi.json", asyncapi, name="asyncapi"),
    path("api/docs/", docs, name="docs"),
    path("api/docs/socket/", SocketDocsView.as_view(), name="socket-docs"),
    path("api/docs/errors/", HelpView.as_view(), name="help"),
    path("api/docs/errors/<str:code>/", HelpView.as_view(), name="help"),
    path("api/", include("tenants.urls")),
    path("api/", include("permissions.review.urls")),
    path("api/", include("realtime.urls")),
    path("api/", include("resources.urls")),
]

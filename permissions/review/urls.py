"""The addresses of the review."""

from django.urls import path

from permissions.review.rest import ExplainView, PayloadsView

urlpatterns = [
    path("review/payloads/", PayloadsView.as_view(), name="review-payloads"),
    path("review/explain/", ExplainView.as_view(), name="review-explain"),
]

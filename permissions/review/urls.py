"""The addresses of the review."""

from django.urls import path

from permissions.review.rest import ExplainView, PayloadsView
from permissions.review.rest_what_if import WhatIfView

urlpatterns = [
    path("review/payloads/", PayloadsView.as_view(), name="review-payloads"),
    path("review/explain/", ExplainView.as_view(), name="review-explain"),
    path("review/what-if/", WhatIfView.as_view(), name="review-what-if"),
]

"""Earshot without notifications: documents are written as Django writes any model."""

from __future__ import annotations

from django.db import models

from project.asgi import application
from resources.models import Document

__all__ = ["application"]

# No versions, no rows of changes, nothing announced.
Document.save = models.Model.save  # type: ignore[assignment, method-assign]

"""Fields of what REST is asked, for every view that names a model."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from permissions.audiences import registry


class ModelField(serializers.CharField):
    """The label of a declared resource."""

    def to_internal_value(self, data: Any) -> str:
        """Return the label; raise ValidationError for that of nothing declared."""
        label: str = super().to_internal_value(data)
        if label not in registry:
            raise serializers.ValidationError("Unknown model.")
        return label

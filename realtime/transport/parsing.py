"""Parsing: each frame that a client sends is validated by a DRF serializer into a command."""

from __future__ import annotations

from typing import Any

import orjson
from rest_framework import serializers

from permissions.audiences import registry
from realtime.state.commands import (
    MAX_ETAG,
    MAX_NAME,
    Command,
    InvalidFrame,
    Ping,
    Subscribe,
    Target,
    Unsubscribe,
    is_reference,
)
from realtime.state.messages import Reference
from tenants import opaque


class ReferenceField(serializers.Field[Any, Any, Any, Any]):
    """The client's own mark on a frame, echoed in its answer."""

    def to_internal_value(self, data: Any) -> Reference:
        if not is_reference(data):
            raise serializers.ValidationError(
                "Must be a string of at most 64 characters or an integer within ±2**53."
            )
        reference: Reference = data
        return reference


class TextField(serializers.Field[Any, Any, Any, Any]):
    """Any string, exactly as it was sent."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Invalid type.")
        return data


class ModelField(TextField):
    """The label of a declared resource."""

    def to_internal_value(self, data: Any) -> str:
        label = super().to_internal_value(data)
        if label not in registry:
            raise serializers.ValidationError("Unknown model.")
        return label


class CommandSerializer(serializers.Serializer[Any]):
    """What every command has; keys that a command does not have are refused."""

    action = TextField(required=False)
    ref = ReferenceField(required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        unknown = [key for key in data if key not in self.fields]
        if unknown:
            raise serializers.ValidationError({unknown[0]: ["Unknown key."]})
        values: dict[str, Any] = super().to_internal_value(data)
        return values

    def command(self, values: dict[str, Any]) -> Command:
        """Return the command that the validated values stand for."""
        return Ping(values.get("ref"))


class UnsubscribeSerializer(CommandSerializer):
    """Names an object: `{"model", "id"}`."""

    model = ModelField()
    id = TextField()

    def target(self, values: dict[str, Any]) -> Target:
        """Return the object that the values name."""
        model = registry.get(values["model"]).model
        return Target(values["model"], values["id"], opaque.decode(model, values["id"]))

    def command(self, values: dict[str, Any]) -> Command:
        return Unsubscribe(self.target(values), values.get("ref"))


class SubscribeSerializer(UnsubscribeSerializer):
    """Names an object to subscribe to, and perhaps the etag of the payload the client holds."""

    etag = TextField(required=False)

    def command(self, values: dict[str, Any]) -> Command:
        etag = values.get("etag")
        if etag is not None and len(etag) > MAX_ETAG:
            etag = None
        return Subscribe(self.target(values), etag, values.get("ref"))


# One instance each: building a serializer's fields costs more than validating with them.
SERIALIZERS: dict[str, CommandSerializer] = {
    "ping": CommandSerializer(),
    "subscribe": SubscribeSerializer(),
    "unsubscribe": UnsubscribeSerializer(),
}


def parse(text: str | bytes) -> Command:
    """Return the command in one text frame; raise InvalidFrame for anything else."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidFrame("Not JSON.") from None
    if not isinstance(frame, dict):
        raise InvalidFrame("Must be a JSON object.")
    ref = frame["ref"] if is_reference(frame.get("ref")) else None
    action = frame.get("action", "subscribe")
    serializer = SERIALIZERS.get(action) if isinstance(action, str) else None
    if serializer is None:
        raise InvalidFrame("action: unknown action.", ref)
    try:
        return serializer.command(serializer.run_validation(frame))
    except serializers.ValidationError as error:
        raise InvalidFrame(_first(error.detail), ref) from None


def _first(detail: Any) -> str:
    """Return `field: what is wrong` for the first field with an error."""
    field, problems = next(iter(detail.items()))
    return f"{field[:MAX_NAME]}: {problems[0]}"

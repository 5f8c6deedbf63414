"""Parsing: each frame that a client sends is validated by a DRF serializer into a command."""

from __future__ import annotations

from typing import Any
from unicodedata import category

import orjson
from rest_framework import serializers

from permissions.audiences import registry
from permissions.filters import InvalidWhere, parse_where
from realtime.state.commands import (
    MAX_ETAG,
    MAX_NAME,
    MAX_REF,
    MAX_REF_TEXT,
    MOST_HAVE,
    MOST_ROWS,
    ROWS,
    CloseWindow,
    Command,
    InvalidFrame,
    OpenWindow,
    Ping,
    Renew,
    Subscribe,
    Target,
    Unsubscribe,
)
from realtime.state.messages import Reference
from tenants import opaque


def is_reference(value: Any) -> bool:
    """Return whether a value can be a `ref`: at most 64 characters, or an integer within ±2⁵³."""
    if type(value) is int:
        return -MAX_REF <= value <= MAX_REF
    return isinstance(value, str) and len(value) <= MAX_REF_TEXT


def is_window(value: Any) -> bool:
    """Return whether a value can name a window: 1 to 64 characters, none of them a control."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_NAME
        and not any(category(character) == "Cc" for character in value)
    )


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


class WindowField(TextField):
    """The client's own name for a window."""

    def to_internal_value(self, data: Any) -> str:
        if not is_window(data):
            raise serializers.ValidationError(
                "Must be a string of 1 to 64 characters without control characters."
            )
        name: str = data
        return name


class RowsField(serializers.Field[Any, Any, Any, Any]):
    """The most rows of a window."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int or not 1 <= data <= MOST_ROWS:
            raise serializers.ValidationError(f"Must be an integer from 1 to {MOST_ROWS}.")
        return data


class HaveField(serializers.Field[Any, Any, Any, Any]):
    """The etags of the payloads that the client holds, by id."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict) or not all(isinstance(etag, str) for etag in data.values()):
            raise serializers.ValidationError("Must be an object of ids and etags.")
        if len(data) > MOST_HAVE:
            raise serializers.ValidationError(f"Must have at most {MOST_HAVE} entries.")
        return {id: etag for id, etag in data.items() if len(etag) <= MAX_ETAG}


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


class RenewSerializer(CommandSerializer):
    """Holds a ticket: `{"ticket"}`."""

    ticket = TextField()

    def command(self, values: dict[str, Any]) -> Command:
        return Renew(values["ticket"], values.get("ref"))


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


class CloseWindowSerializer(CommandSerializer):
    """Names a window: `{"model", "window"}`."""

    model = ModelField()
    window = WindowField()

    def command(self, values: dict[str, Any]) -> Command:
        return CloseWindow(values["model"], values["window"], values.get("ref"))


class OpenWindowSerializer(CloseWindowSerializer):
    """Names a window to open, and what it is to show."""

    where = serializers.JSONField(required=False)
    limit = RowsField(required=False)
    after = TextField(required=False)
    have = HaveField(required=False)

    def command(self, values: dict[str, Any]) -> Command:
        try:
            where = parse_where(registry.get(values["model"]), values.get("where"))
        except InvalidWhere as invalid:
            raise serializers.ValidationError({"where": [str(invalid)]}) from None
        return OpenWindow(
            values["model"],
            values["window"],
            where,
            values.get("limit", ROWS),
            values.get("after"),
            values.get("have", {}),
            values.get("ref"),
        )


# One instance each: building a serializer's fields costs more than validating with them.
SERIALIZERS: dict[str, CommandSerializer] = {
    "ping": CommandSerializer(),
    "renew": RenewSerializer(),
    "subscribe": SubscribeSerializer(),
    "unsubscribe": UnsubscribeSerializer(),
}
OF_WINDOWS: dict[str, CommandSerializer] = {
    "subscribe": OpenWindowSerializer(),
    "unsubscribe": CloseWindowSerializer(),
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
    serializer = _serializer(action, frame) if isinstance(action, str) else None
    window = frame["window"] if is_window(frame.get("window")) else None
    if serializer is None:
        raise InvalidFrame("action: unknown action.", ref, window)
    try:
        return serializer.command(serializer.run_validation(frame))
    except serializers.ValidationError as error:
        raise InvalidFrame(_first(error.detail), ref, window) from None


def _serializer(action: str, frame: dict[str, Any]) -> CommandSerializer | None:
    of_window = OF_WINDOWS.get(action) if "window" in frame else None
    return of_window or SERIALIZERS.get(action)


def _first(detail: Any) -> str:
    """Return `field: what is wrong` for the first field with an error."""
    field, problems = next(iter(detail.items()))
    return f"{field[:MAX_NAME]}: {problems[0]}"

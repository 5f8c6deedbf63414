"""Every answer and every frame that a test receives, held against the contracts.

`watching` looks at what Django's test clients and Channels' communicator receive, and keeps what is
not as the contracts say. Other clients also speak with servers that only tests have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import jsonschema_rs
import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import AsyncClient, Client

from permissions.audiences import registry
from project.contracts import asyncapi
from project.contracts.openapi import ContractGenerator

SURROGATE = re.compile(rb"\\ud[89a-f][0-9a-f]{2}", re.IGNORECASE)
"""What a client sent that is no text, in an error that repeats it: no validator takes it."""


def validator(schema: Any, schemas: Any) -> Any:
    """A compiled validator of a schema that refers to the named ones."""
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": {"schemas": schemas}}, validate_formats=True
    )


def mistake(check: Any, value: Any) -> str | None:
    """What is wrong with a value, or None."""
    errors = [f"{error.message} at {error.instance_path}" for error in check.iter_errors(value)]
    return "; ".join(errors) or None


class Contracts:
    """The two documents of a process, with validators of what they describe."""

    def __init__(self, urlconf: str) -> None:
        generator = ContractGenerator(api_version="1", urlconf=urlconf)
        self.openapi = generator.get_schema(public=True)
        self.asyncapi = asyncapi.document(ContractGenerator().payload_schemas())
        self._responses: dict[Any, Any] = {}
        self._paths = [
            (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), calls)
            for path, calls in sorted(self.openapi["paths"].items(), key=lambda i: i[0].count("{"))
        ]

    # REST

    def _calls(self, path: str) -> Any:
        return next((calls for known, calls in self._paths if known.fullmatch(path)), None)

    def operation(self, method: str, path: str) -> str | None:
        """The id of the call, if there is one."""
        call = (self._calls(path) or {}).get(method.lower())
        return None if call is None else str(call["operationId"])

    def answer(self, method: str, path: str, answer: Any) -> str | None:
        """What of an answer the contract does not say, or None."""
        calls = self._calls(path)
        if calls is None or method == "options":
            return None
        call = calls.get("get" if method == "head" else method)
        if call is None:
            allowed = {m.upper() for m in calls} | {"HEAD" for m in calls if m == "get"}
            told = set(answer.get("Allow", "").split(", ")) - {"OPTIONS"}
            is_refused = answer.status_code in (401, 403, 405, 429)
            return None if is_refused and told <= allowed else "a method that is not there"
        response = call["responses"].get(str(answer.status_code))
        if response is None:
            return f"status {answer.status_code} is not in the contract"
        key = (call["operationId"], answer.status_code)
        wrong = self._wrong_headers(key, response, answer)
        return wrong or self._wrong_body(key, response, answer, method)

    def _wrong_headers(self, key: Any, response: Any, answer: Any) -> str | None:
        for name, header in response.get("headers", {}).items():
            if name not in answer.headers:
                if header.get("required"):
                    return f"the header {name} is absent"
                continue
            text = answer.headers[name]
            value = int(text) if header["schema"].get("type") == "integer" else text
            if wrong := mistake(self._validator((key, name), header["schema"]), value):
                return f"{name}: {wrong}"
        return None

    def _wrong_body(self, key: Any, response: Any, answer: Any, method: str) -> str | None:
        content = response.get("content")
        if not content or method == "head":
            return "a body that is not in the contract" if answer.content else None
        kind = answer.headers.get("Content-Type", "").split(";")[0]
        if kind not in content:
            return f"the content type {kind}"
        text = SURROGATE.sub(b"?", answer.content)
        return mistake(self._validator(key, content[kind]["schema"]), json.loads(text))

    def _validator(self, key: Any, schema: Any) -> Any:
        if key not in self._responses:
            schemas = self.openapi["components"]["schemas"]
            self._responses[key] = validator(schema, schemas)
        return self._responses[key]

    # The socket

    @cached_property
    def sent(self) -> dict[Any, list[Any]]:
        """Validators of the server's frames, by what is constant in them."""
        return self._messages("send")

    @cached_property
    def taken(self) -> list[Any]:
        """Validators of what clients may send."""
        return [check for checks in self._messages("receive").values() for check in checks]

    def _messages(self, operation: str) -> dict[Any, list[Any]]:
        found: dict[Any, list[Any]] = {}
        components = self.asyncapi["components"]
        for each in self.asyncapi["operations"][operation]["messages"]:
            schema = components["messages"][each["$ref"].rpartition("/")[2]]["payload"]
            parts = schema["properties"]
            key = tuple(parts.get(name, {}).get("const") for name in ("type", "code", "model"))
            found.setdefault(key, []).append(validator(schema, components["schemas"]))
        return found

    def frame(self, text: str) -> str | None:
        """What of a server's frame the contract does not say, or None."""
        frame = json.loads(text)
        key = tuple(frame.get(name) for name in ("type", "code", "model"))
        checks = self.sent.get(key, [])
        matching = [check for check in checks if check.is_valid(frame)]
        if len(matching) == 1:
            return None
        said = " | ".join(filter(None, (mistake(check, frame) for check in checks)))
        return f"{len(matching)} messages: {said}"


_known: dict[Any, tuple[Any, Contracts]] = {}


def contracts() -> Contracts:
    """The contracts of what is declared now, at the addresses that there are now."""
    resources = tuple(registry)
    key = settings.ROOT_URLCONF, tuple(map(id, resources))
    if key not in _known:  # it keeps the resources: else their ids could be others'
        _known[key] = resources, Contracts(settings.ROOT_URLCONF)
    return _known[key][1]


class Watch:
    """What was received and is not as the contracts say."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def answer(self, request: Any, answer: Any) -> None:
        """Look at an answer to a test client."""
        method, path = request["REQUEST_METHOD"].lower(), request["PATH_INFO"]
        if path.startswith("/api/") and not answer.streaming:
            wrong = contracts().answer(method, path, answer)
            if wrong:
                self.wrong.append(f"{method} {path} {answer.status_code}: {wrong}")

    def frame(self, text: Any) -> None:
        """Look at a frame."""
        if isinstance(text, str) and (wrong := contracts().frame(text)):
            self.wrong.append(f"{text}: {wrong}")


@contextmanager
def watching() -> Iterator[Watch]:
    """Look at all that is received meanwhile."""
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        _watch_clients(patch, watch)
        _watch_sockets(patch, watch)
        yield watch


def _watch_clients(patch: pytest.MonkeyPatch, watch: Watch) -> None:
    ask, ask_async = Client.request, AsyncClient.request

    def request(self: Any, **asked: Any) -> Any:
        answer = ask(self, **asked)
        watch.answer(answer.request, answer)
        return answer

    async def async_request(self: Any, **asked: Any) -> Any:
        answer = await ask_async(self, **asked)
        scope = {"REQUEST_METHOD": answer.request["method"], "PATH_INFO": answer.request["path"]}
        watch.answer(scope, answer)
        return answer

    patch.setattr(Client, "request", request)
    patch.setattr(AsyncClient, "request", async_request)


def _watch_sockets(patch: pytest.MonkeyPatch, watch: Watch) -> None:
    output: Any = ApplicationCommunicator.receive_output

    async def receive_output(self: Any, *seconds: float) -> Any:
        event = await output(self, *seconds)
        if event["type"] == "websocket.send":
            watch.frame(event.get("text"))
        elif event["type"] == "http.response.body" and event["body"].startswith(b"data: "):
            watch.frame(event["body"].removeprefix(b"data: ").decode())
        return event

    patch.setattr(ApplicationCommunicator, "receive_output", receive_output)

"""What schemathesis asks of the server: all that the contract allows, and what it does not.

It knows no ids, cursors, passwords or links. So the contract is narrowed to the ids that there are,
and to the bodies of the audience in which somebody is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from schemathesis.transport.wsgi import WSGITransport

from tests.world import World

WHO: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "owner": ("owner", {"Document": "Owner", "Profile": "Self"}),
    "editor": ("editor", {"Document": "Editor", "Profile": "Self"}),
    "viewer": ("viewer", {"Profile": "Self"}),
    "auditor": ("admin", {"Profile": "Admin"}),
    "reviewer": ("watcher", {"Profile": "Self"}),
    "stranger": ("rival", {"Profile": "Self"}),
}
"""Who asks: a user, and as which audience they write."""

ENDING: Final = ("logout_create", "logoutall_create", "password_create", "tenants_destroy")
"""Calls after which somebody has no credential, or is not there any more: they are asked last."""

MAY_BE_REFUSED: Final[Mapping[str, str]] = {
    "documents_grants_update": "the audience must be one of the model's",
    "ledger_accesses_list": "an id needs a model",
    "ledger_pushes_list": "an id needs a model",
    "members_create": "the user must exist, or the name be free",
    "members_destroy": "the heir must be a member",
    "password_create": "the old password must be right, and the new one strong",
    "password_confirm_create": "a link is good for its user, once",
    "review_accesses_retrieve": "it is about an object or a user, not both",
    "review_seen_by_retrieve": "the span must not end before it begins",
    "review_what_if_list": "each change names something else",
    "review_who_saw_retrieve": "some audience must see the field",
}
"""Calls that may refuse what the contract allows, and why no schema can say it."""

FIRST_CSRF: Final = ("session_create", "session_destroy", "session_retrieve")
"""Where a cookie without its CSRF token is 403, whatever the method is."""

STREAMS: Final = "/api/stream/"
"""Answered before Django, and without an end: `tests/realtime/transport/test_streams.py` asks."""

CURSORS: Final = ("after", "cursor")
OF_NETWORKS: Final = ("max_redirects", "verify", "cert", "proxies")


def ids(world: World) -> dict[str, list[str]]:
    """Ids of what there is and of nothing, by the part of the path before them."""
    admin = world.rest("admin")
    members = admin.get("/api/members/").json()["results"]
    profiles = admin.get("/api/profiles/").json()["results"]
    return {
        "documents": [world.id, "nothing"],
        "profiles": [profiles[0]["id"], profiles[-1]["id"], "nothing"],
        "members": [members[-1]["id"], "nothing"],
        "connections": ["nothing"],
        "tenants": ["acme", "globex", "nowhere"],
    }


def narrowed(document: Any, audiences: Mapping[str, str], known: Mapping[str, list[str]]) -> Any:
    """The contract for somebody who is in these audiences and knows these ids."""
    found = copy.deepcopy(document)
    for path in [path for path in found["paths"] if path.startswith(STREAMS)]:
        del found["paths"][path]
    schemas = found["components"]["schemas"]
    for resource, audience in audiences.items():
        for kind in ("Put", "Patch"):
            if f"{resource}{audience}{kind}" in schemas:
                own = {"$ref": f"#/components/schemas/{resource}{audience}{kind}"}
                schemas[f"{resource}{kind}"] = own
    for path, calls in found["paths"].items():
        for call in calls.values():
            mine = [p for p in call.get("parameters", ()) if p.get("name") not in CURSORS]
            call["parameters"] = [_narrowed(parameter, path, known) for parameter in mine]
    found["components"]["parameters"]["Tenant"]["schema"]["enum"] = ["acme", "globex", "nowhere"]
    return found


def _narrowed(parameter: Any, path: str, known: Mapping[str, list[str]]) -> Any:
    if parameter.get("in") != "path":
        return parameter
    subjects = ["role:member", "role:admin", "role:reviewer", "user:nobody"]
    values = subjects if parameter["name"] == "subject" else known[path.split("/")[2]]
    return parameter | {"schema": {"type": "string", "enum": values}}


def _config(token: str, phase: str, examples: int) -> SchemathesisConfig:
    """Every check, in one phase, with nothing kept between runs."""
    phases = ("examples", "coverage", "fuzzing", "stateful")
    # What If-Match names is known to no schema: 412 is right whatever the body is.
    positive = ["2xx", "304", "401", "403", "404", "409", "412"]
    negative = ["400", "401", "403", "404", "405", "406", "409", "412", "415"]
    unknowable = {"checks": {"positive_data_acceptance": {"enabled": False}}}
    unsaid = {"checks": {"unsupported_method": {"enabled": False}}}
    generation = {"max-examples": examples, "database": "none", "deterministic": True}
    return SchemathesisConfig.from_dict(
        {
            "seed": 7,
            "headers": {"Authorization": f"Token {token}"},
            "generation": generation | {"no-shrink": True},
            "phases": {name: {"enabled": name == phase} for name in phases},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": positive},
                "negative_data_rejection": {"expected-statuses": negative},
            },
            "operations": [
                *({"include-operation-id": name, **unknowable} for name in MAY_BE_REFUSED),
                *({"include-operation-id": name, **unsaid} for name in FIRST_CSRF),
            ],
        }
    )


@contextmanager
def _within() -> Iterator[None]:
    """Ask as Django's own client does, which leaves a thread's connection as it is."""
    send: Any = WSGITransport.send

    def sent(self: Any, case: Any, **options: Any) -> Any:
        # Without a session, it passes on what only networks have.
        return send(self, case, **{n: v for n, v in options.items() if n not in OF_NETWORKS})

    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WSGITransport, "send", sent)
        yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def mistakes(
    document: Any, calls: Iterable[str], token: str, phase: str = "coverage", examples: int = 1
) -> tuple[list[str], int]:
    """What the server does in these calls that the document does not say, and how much it was
    asked."""
    whole = schemathesis.openapi.from_dict(document, config=_config(token, phase, examples))
    # What the configuration says of some calls includes all: only leaving out says which.
    others = {call["operationId"] for path in document["paths"].values() for call in path.values()}
    schema = whole.exclude(operation_id=sorted(others - set(calls)))
    schema.app = WSGIHandler()
    found: dict[str, None] = {}
    asked = 0
    with _within():
        for event in engine.from_schema(schema).execute():
            match event:
                case events.ScenarioFinished(recorder=recorder):
                    asked += len(recorder.cases)
                    for check in (c for checks in recorder.checks.values() for c in checks):
                        if (info := check.failure_info) is not None:
                            said = f"{info.failure.title}: {info.failure.message}"
                            found[f"{recorder.label}: {said} {info.code_sample}"] = None
                case events.NonFatalError(value=error) | events.FatalError(exception=error):
                    found[repr(error)] = None
    return list(found), asked

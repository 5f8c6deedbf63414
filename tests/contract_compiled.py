"""The contracts held against tools of other people's: Spectral's rules, and TypeScript.

`make contracts` installs the tools and runs this.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.contracts import contracts
from tests.neighbours import TABLE, Scene

TOOLS = Path(__file__).parent.parent / "supply/node"
WHO = ("owner", "editor", "viewer", "auditor", "admin", "watcher", "rival", None)
METHODS = ("get", "put", "patch", "post")
JSON = "application/json"

Answers = dict[tuple[str, int, str], Any]


def run(name: str, *arguments: str | Path) -> str:
    """What the tool prints; it must have succeeded."""
    command = [TOOLS / "node_modules/.bin" / name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fails(name: str, *arguments: str | Path) -> str:
    """What the tool prints; it must have failed."""
    with pytest.raises(AssertionError) as failed:
        run(name, *arguments)
    return str(failed.value)


@pytest.fixture
def openapi(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(contracts().openapi, default=str))
    return path


def test_both_documents_pass_spectral(openapi: Path, tmp_path: Path) -> None:
    asyncapi = tmp_path / "asyncapi.json"
    asyncapi.write_text(json.dumps(contracts().asyncapi, default=str))
    rules = ("--ruleset", TOOLS / "spectral.yaml", "--fail-severity", "warn")
    run("spectral", "lint", openapi, asyncapi, *rules)
    del (wrong := json.loads(asyncapi.read_text()))["channels"]["socket"]["messages"]
    asyncapi.write_text(json.dumps(wrong))
    assert "asyncapi" in fails("spectral", "lint", asyncapi, *rules)


def asked(scene: Scene) -> Iterator[Any]:
    """Each call, as each of them."""
    for who in WHO:
        for pairs in (pairs(scene) for route, pairs in TABLE.items() if route.startswith("api/")):
            for ask, _ in pairs:
                for method in METHODS:
                    client = APIClient() if who is None else scene.world.rest(who, "acme")
                    yield getattr(client, method)(ask.path, ask.body)


def recorded(scene: Scene) -> Answers:
    """An answer of each call, status and audience."""
    known: Answers = {}
    for answer in asked(scene):
        request = answer.request
        operation = contracts().operation(request["REQUEST_METHOD"], request["PATH_INFO"])
        if operation is not None and answer.headers.get("Content-Type", "").startswith(JSON):
            key = operation, answer.status_code, answer.headers.get("X-Audience", "")
            known.setdefault(key, answer.json())
    return known


def source(answers: Answers) -> str:
    """Each answer as a constant of its type; nothing at all is none, which is an error."""
    lines = ['import type { operations } from "./rest";']
    for number, ((operation, status, _), body) in enumerate(sorted(answers.items(), key=str)):
        kind = f'operations["{operation}"]["responses"]["{status}"]["content"]["{JSON}"]'
        lines.append(f"export const a{number}: {kind} = {json.dumps(body)};")
        lines.append(f"// @ts-expect-error\nexport const b{number}: {kind} = 5;")
    return "\n".join(lines)


@pytest.mark.django_db(transaction=True)
def test_answers_have_the_types_that_are_made_of_the_document(
    scene: Scene, openapi: Path, tmp_path: Path
) -> None:
    scene.world.appoint("watcher")
    answers = recorded(scene)
    assert {audience for _, _, audience in answers} >= {"owner", "editor", "viewer", "auditor"}
    assert len({operation for operation, status, _ in answers if status < 300}) > 20
    run("openapi-typescript", openapi, "--output", tmp_path / "rest.ts")
    (tmp_path / "answers.ts").write_text(source(answers))
    run("tsc", "--strict", "--noEmit", "--target", "es2022", tmp_path / "answers.ts")
    answers["documents_retrieve", 200, "viewer"] = answers["documents_retrieve", 200, "owner"]
    answers["documents_retrieve", 200, "viewer"].pop("budget")
    answers["documents_retrieve", 200, "viewer"].pop("title")
    (tmp_path / "answers.ts").write_text(source(answers))
    assert "title" in fails("tsc", "--strict", "--noEmit", tmp_path / "answers.ts")

"""`manage.py review --check`, `--accept` and `--between`: what they print, and their exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from permissions.audiences import Audience, Resource
from permissions.review import revisions
from permissions.review.revisions import UnusableRevision
from resources.audiences import DOCUMENTS
from resources.documents.serializers import ViewerSerializer

ROOT = Path(__file__).parents[3]
Declare = Callable[[Resource], Resource]


def review(*args: str, code: int = 0) -> str:
    """What the command prints, or why it refuses; it ends with this code."""
    out = StringIO()
    if code == 0:
        call_command("review", *args, stdout=out)
        return out.getvalue()
    with pytest.raises((SystemExit, CommandError)) as ended:
        call_command("review", *args, stdout=out)
    if isinstance(ended.value, CommandError):
        assert ended.value.returncode == code
        return str(ended.value)
    assert getattr(ended.value, "code", None) == code
    return out.getvalue()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of what is declared."""
    path = tmp_path / "audiences.lock.json"
    review("--accept", "--lock", str(path))
    return path


def widened() -> Resource:
    """Documents of which viewers see the budget, against what the resource says of them."""
    shown = (*ViewerSerializer.Meta.fields, "budget")
    meta = type("Meta", (ViewerSerializer.Meta,), {"fields": shown})
    serializer = type("ViewerSerializer", (ViewerSerializer,), {"Meta": meta})
    audiences = [
        replace(a, serializer=serializer) if a.name == "viewer" else a for a in DOCUMENTS.audiences
    ]
    return replace(DOCUMENTS, audiences=tuple(audiences), never={}, never_label={})


def test_nothing_is_wider_than_the_projects_own_lock() -> None:
    assert review("--check") == "Nobody is shown more than before.\n"


def test_widening_fails_until_it_is_accepted(lock: Path, declare: Declare) -> None:
    declare(widened())
    args = ("--lock", str(lock))
    said = review("--check", *args, code=1)
    assert said.splitlines()[0] == (
        "WIDER     resources.document: viewer: budget: is shown now (decimal with 2 places up to "
        "12, column budget, undeclared). If it is meant: manage.py review --accept"
    )
    accepted = review("--accept", *args)
    assert "viewer: budget: is shown now" in accepted
    assert "--accept" not in accepted
    assert accepted.endswith("audiences.lock.json says what is declared now. Commit it.\n")
    assert review("--check", *args) == "Nobody is shown more than before.\n"
    assert json.loads(review("--accept", *args, "--format", "json"))["wider"] == []
    declare(DOCUMENTS)
    *notices, last = review("--check", *args).splitlines()
    assert [each.split()[0] for each in notices] == ["narrower"] * len(notices)
    assert "narrower  resources.document: viewer: budget: is not shown any more." in notices
    assert "editor, viewer, auditor: secret: is never shown now" in "".join(notices)
    assert last == "Nobody is shown more than before."


def test_field_that_several_audiences_inherit_is_one_line(lock: Path, declare: Declare) -> None:
    """As it is if somebody adds a column to the serializer from which the others inherit."""

    def more(audience: Audience) -> Audience:
        base = audience.serializer
        meta = type("Meta", (base.Meta,), {"fields": (*base.Meta.fields, "created_at")})
        return replace(audience, serializer=type(base.__name__, (base,), {"Meta": meta}))

    audiences = [more(a) if a.name != "auditor" else a for a in DOCUMENTS.audiences]
    declare(replace(DOCUMENTS, audiences=tuple(audiences)))
    [line] = review("--check", "--lock", str(lock), code=1).splitlines()
    assert line.startswith("WIDER     resources.document: owner, editor, viewer: created_at: ")


def test_programs_and_code_hosts_are_told_the_same(lock: Path, declare: Declare) -> None:
    declare(widened())
    args = ("--check", "--lock", str(lock))
    found = json.loads(review(*args, "--format", "json", code=1))
    [field] = [each for each in found["wider"] if each["rule"] == "field"]
    assert (field["model"], field["audience"], field["field"]) == (
        "resources.document",
        "viewer",
        "budget",
    )
    assert found["narrower"] == []
    log = json.loads(review(*args, "--format", "sarif", code=1))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} <= rules
    assert {result["level"] for result in run["results"]} == {"error"}
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} <= {
        "resources/documents/serializers.py",
        "audiences.lock.json",
    }
    assert all(place["region"]["startLine"] >= 1 for place in places)


def test_narrowing_is_a_note_at_the_lock_if_its_model_is_gone(lock: Path) -> None:
    lock.write_text(lock.read_text().replace('"resources.profile"', '"resources.person"'))
    log = json.loads(review("--check", "--lock", str(lock), "--format", "sarif", code=1))
    notes = [each for each in log["runs"][0]["results"] if each["level"] == "note"]
    [place] = [each["locations"][0]["physicalLocation"] for each in notes]
    assert place["artifactLocation"]["uri"] == "audiences.lock.json"


@pytest.mark.parametrize("text", ["", "{}", '{"lock": "earshot.audiences", "format": 0}'])
def test_unusable_lock_is_one_line_and_code_2(lock: Path, text: str) -> None:
    lock.write_text(text)
    said = review("--check", "--lock", str(lock), code=2)
    assert said.startswith("audiences.lock.json is ")
    assert "\n" not in said
    assert "is new, and sees" in review("--accept", "--lock", str(lock))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--format", "sarif"), "add --check"),
        (("--check", "--format", "lock"), "leave out --check"),
        (("--check", "--lock", "no/such/lock.json"), "lock.json is not there"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_code_2(args: tuple[str, ...], said: str) -> None:
    assert said in review(*args, code=2)


def test_catalogue_is_told_as_the_lock_has_it(lock: Path) -> None:
    """With the places, by which revisions are compared."""
    told = json.loads(review("--format", "lock"))
    assert told["models"].keys() == json.loads(lock.read_text())["models"].keys()
    viewer = told["models"]["resources.document"]["audiences"]["viewer"]
    assert viewer["where"]["file"] == "resources/documents/serializers.py"


# Revisions


def git(folder: Path, *args: str) -> None:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    command = ["git", "-c", "init.defaultBranch=main", *args]
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the project in a folder of its own, as it is now."""
    folder = tmp_path / "repository" / "server"
    left = shutil.ignore_patterns("__pycache__", "static", "templates", ".*")
    for name in ("tenants", "permissions", "realtime", "resources", "project"):
        shutil.copytree(ROOT / name, folder / name, ignore=left)
    shutil.copy(ROOT / "manage.py", folder)
    git(folder.parent, "init", "-q")
    git(folder.parent, "add", ".")
    git(folder.parent, "commit", "-qm", "Before")
    return folder


def test_two_revisions_are_compared_by_their_own_code(
    repository: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No database is asked: there is none that could be."""
    settings.BASE_DIR = repository
    monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "project.settings")
    serializers = repository / "resources" / "profiles" / "serializers.py"
    text = serializers.read_text()
    serializers.write_text(text.replace('"title", "bio")', '"title", "bio", "timezone")'))
    git(repository, "commit", "-qam", "After")
    [line] = review("--between", "main~1", "main", code=1).splitlines()
    assert line.startswith("WIDER     resources.profile: member: timezone: is shown now (text")


def test_revision_that_cannot_be_asked_is_one_line_and_code_2(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BASE_DIR = tmp_path
    git(tmp_path, "init", "-q")
    (tmp_path / "README").write_text("No project.")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "No project")
    for name in ("nothing", "x y", ""):
        said = review("--between", name, "main", code=2)
        assert said.endswith("cannot be compared: git does not know it here.")
    with pytest.raises(UnusableRevision, match="'--all' cannot be compared"):
        revisions.at("--all", tmp_path)
    assert review("--between", "main", "main", code=2).endswith("it has no manage.py here.")
    (tmp_path / "manage.py").write_text("raise SystemExit('no such command.')")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "No command")
    said = review("--between", "main", "main", code=2)
    assert said.endswith("its `manage.py review` failed (no such command).")
    (tmp_path / "manage.py").write_text("raise SystemExit(3)")
    git(tmp_path, "commit", "-qam", "Silent")
    assert "it said nothing" in review("--between", "main", "main", code=2)
    (tmp_path / "manage.py").write_text("import threading\nthreading.Event().wait()")
    git(tmp_path, "commit", "-qam", "Endless")
    with monkeypatch.context() as patched:
        patched.setattr(revisions, "SECONDS", 0.1)
        said = review("--between", "main", "main", code=2)
        assert said.endswith("its `manage.py review` took longer than 0.1 seconds.")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnusableRevision, match="git is not installed"):
        revisions.at("main", tmp_path)

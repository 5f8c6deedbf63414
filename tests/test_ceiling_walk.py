"""No view can go past the ceiling: the code is walked for writes of grants and holders' columns."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from permissions.audiences import registry
from permissions.rest import AudienceViewSet

ROOT = Path(__file__).parent.parent
LAYERS = ("tenants", "permissions", "realtime", "resources", "project")

GUARDIANS = {"assign_perm", "bulk_assign_perm", "assign_perm_to_many"}
GIVING = {"create", "bulk_create", "get_or_create", "update", "update_or_create", "save"}
TABLES = ("user_grants", "group_grants", "UserGrant", "GroupGrant", "UserObjectPermission")

WRITERS = {
    "permissions/grants.py": "the one writer, whose functions are looked at below",
    "permissions/models.py": "the tables themselves",
}
UNWEIGHED = {
    "_create": "what the others call when they have weighed",
    "_delete": "what the others call when they have weighed",
}
WRITING = ("_create", "_delete", "bulk_create", "delete")
WHERE_MEMBERS_ARE_DECIDED_ABOUT = (
    "tenants/members",
    "tenants/places",
    "permissions/ownership_transfer",
)
HOLDERS = sorted({field for resource in registry for field in resource.holders})


def modules() -> Iterator[tuple[str, ast.Module]]:
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call, with the last name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    yield name, node


def giving(tree: ast.AST) -> list[str]:
    """The calls that write guardian's tables: by its own functions, or by a table's manager."""
    found = []
    for name, call in calls(tree):
        text = ast.unparse(call.func)
        of_table = any(table in text for table in TABLES)
        if name in GUARDIANS or (of_table and (name in GIVING or name.endswith(TABLES))):
            found.append(text)
    return found


def naming(tree: ast.AST) -> list[str]:
    """The statements that write a column of a holder's name, of whatever model."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [
                ast.unparse(target)
                for target in targets
                if isinstance(target, ast.Attribute) and target.attr.removesuffix("_id") in HOLDERS
            ]
    for name, call in calls(tree):
        fields = {keyword.arg and keyword.arg.removesuffix("_id") for keyword in call.keywords}
        made = name in GIVING or name in {"setattr", "bulk_update"}
        if made and (name == "setattr" or fields & {None, *HOLDERS}):
            found.append(ast.unparse(call.func))
    return found


def has_views(tree: ast.Module) -> bool:
    bases = {ast.unparse(b) for n in ast.walk(tree) if isinstance(n, ast.ClassDef) for b in n.bases}
    return any(base.split("[")[0].endswith(("View", "ViewSet", "Mixin")) for base in bases)


class Unweighed(ast.NodeTransformer):
    """Takes out what is weighed: views of an audience, and blocks that say who acts."""

    views = ("AudienceViewSet", "CreateMixin", "GrantsMixin")

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST | None:
        names = {node.name, *(ast.unparse(base) for base in node.bases)}
        return None if names.intersection(self.views) else self.generic_visit(node)

    def visit_With(self, node: ast.With) -> ast.AST | None:
        acting = [name for item in node.items for name, _ in calls(item) if name == "acting"]
        return ast.Pass() if acting else self.generic_visit(node)


def test_only_the_writer_of_grants_writes_guardians_tables() -> None:
    found = {path: giving(tree) for path, tree in modules() if path not in WRITERS}
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_every_function_that_gives_weighs_first() -> None:
    tree = ast.parse((ROOT / "permissions/grants.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    seen = set()
    for function in functions:
        lines: dict[str, int] = {}
        for name, call in calls(function):
            text = ast.unparse(call.func)
            kind = "weighs" if text.startswith("ceiling.check") else name
            lines[kind] = min(call.lineno, lines.get(kind, call.lineno))
        writes = [lines[name] for name in WRITING if name in lines]
        if writes and function.name not in UNWEIGHED:
            assert lines.get("weighs", 10**9) < min(writes), function.name
            seen.add(function.name)
    assert seen == {"put", "add", "take"}


def test_no_view_writes_a_holders_column_unweighed() -> None:
    found = {
        path: naming(Unweighed().visit(tree))
        for path, tree in modules()
        if has_views(tree) or path.startswith(WHERE_MEMBERS_ARE_DECIDED_ABOUT)
    }
    of_memberships = {"tenants/members.py": ["Membership.objects.create", "setattr"]}
    assert {path: texts for path, texts in found.items() if texts} == of_memberships


def views(resolver: URLResolver) -> Iterator[type]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern)
        elif isinstance(pattern, URLPattern):
            found = getattr(pattern.callback, "cls", None)
            if found is not None:
                yield found


def test_every_view_of_a_resource_weighs_whatever_its_requests_write() -> None:
    of_resources = {view for view in views(get_resolver()) if hasattr(view, "resource")}
    assert len(of_resources) == 2
    for view in of_resources:
        assert issubclass(view, AudienceViewSet)
        for name in ("dispatch", "initial"):
            assert getattr(view, name) is getattr(AudienceViewSet, name)


@pytest.mark.parametrize(
    "source",
    [
        "assign_perm('own_document', user, document)",
        "shortcuts.assign_perm('own_document', user, document)",
        "resource.user_grants.objects.create(user=user)",
        "DOCUMENTS.group_grants.objects.filter(pk=1).update(group=group)",
        "DocumentUserGrant(user=user).save()",
        "models.DocumentGroupGrant.objects.bulk_create(rows)",
    ],
)
def test_walk_finds_every_way_to_give(source: str) -> None:
    assert giving(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "document.owner = user",
        "document.owner_id: int = 5",
        "documents.update(owner=user)",
        "documents.filter(pk=1).update(owner_id=5)",
        "serializer.save(**{field: user})",
        "setattr(document, name, user)",
        "Document.objects.create(owner=user)",
    ],
)
def test_walk_finds_every_way_to_name_a_holder(source: str) -> None:
    assert naming(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "class Tasks(AudienceViewSet):\n def take(self):\n  task.owner = user",
        "def hand_over():\n with ceiling.acting(actor):\n  tasks.update(owner=user)",
    ],
)
def test_walk_passes_what_is_weighed(source: str) -> None:
    tree = ast.parse(source)
    assert naming(tree)
    assert naming(Unweighed().visit(tree)) == []


def test_walk_passes_what_writes_nothing() -> None:
    source = (
        "rows.filter(owner=user)\nrows.update(title='T')\nserializer.save()\nx = document.owner"
    )
    assert (naming(ast.parse(source)), giving(ast.parse(source))) == ([], [])

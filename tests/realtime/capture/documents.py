"""Every way in which somebody may write documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from django.core import serializers
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone

from resources.models import Document

COLUMNS = (
    "tenant_id", "owner_id", "title", "body", "status", "review_notes", "created_at",
    "updated_at", "version",
)  # fmt: skip
TABLE = Document._meta.db_table


def execute(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


@cache
def historical() -> Any:
    """The model as a data migration has it."""
    apps = MigrationLoader(connection).project_state().apps
    return apps.get_model("resources", "Document")


def everywhere(document: Any) -> Any:
    return Document.objects.filter(tenant_id=document.tenant_id, pk=document.pk)


def of(document: Document, **fields: Any) -> dict[str, Any]:
    """What another document of the same tenant and owner has."""
    return {"tenant_id": document.tenant_id, "owner_id": document.owner_id, **fields}


# Ways to create one, with the title "New".


def insert(like: Document, more: str = "", *, verb: str = "INSERT", key: int | None = None) -> None:
    now = timezone.now()
    values = [like.tenant_id, like.owner_id, "New", "", "draft", "", now, now, 7]
    columns = list(COLUMNS)
    if key is not None:
        columns, values = ["id", *columns], [key, *values]
    marks = ", ".join(["%s"] * len(values))
    execute(f"{verb} INTO {TABLE} ({', '.join(columns)}) VALUES ({marks}) {more}", *values)


def copy(like: Document) -> None:
    """PostgreSQL's bulk load."""
    now = timezone.now().isoformat()
    row = (like.tenant_id, like.owner_id, "New", "", "draft", "", now, now, 7)
    statement = f"COPY {TABLE} ({', '.join(COLUMNS)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as file:
        file.write_row(row)


def load(document: Document, **fields: Any) -> None:
    """As `loaddata` does."""
    [row] = json.loads(serializers.serialize("json", [document]))
    row["fields"].update(fields)
    row["pk"] = row["fields"].pop("pk", row["pk"])
    for name in ("created_at", "updated_at"):  # Django's JSON drops the microseconds
        row["fields"][name] = getattr(document, name).isoformat()
    for deserialized in serializers.deserialize("json", json.dumps([row])):
        deserialized.save()


Creation = Callable[[Document], object]

CREATIONS: dict[str, Creation] = {
    "save": lambda d: Document(**of(d, title="New")).save(),
    "create": lambda d: Document.objects.create(**of(d, title="New")),
    "bulk_create": lambda d: Document.objects.bulk_create([Document(**of(d, title="New"))]),
    "ignoring conflicts": lambda d: Document.objects.bulk_create(
        [Document(**of(d, title="New"))], ignore_conflicts=True
    ),
    "updating conflicts": lambda d: Document.objects.bulk_create(
        [Document(pk=d.pk + 1_000, **of(d, title="New"))],
        update_conflicts=True, update_fields=["title"], unique_fields=["id"],
    ),
    "base manager": lambda d: Document._base_manager.create(**of(d, title="New")),
    "plain query set": lambda d: QuerySet(Document).create(**of(d, title="New")),
    "historical model": lambda d: historical().objects.create(**of(d, title="New")),
    "fixture": lambda d: load(d, title="New", pk=d.pk + 1_000, version=7),
    "INSERT": insert,
    "INSERT ON CONFLICT": lambda d: insert(d, "ON CONFLICT DO NOTHING"),
}  # fmt: skip

# Ways to change its title to "New".


def saved(document: Document, **how: Any) -> None:
    document.title = "New"
    document.save(**how)


def updated_in_bulk(document: Document) -> None:
    document.title = "New"
    Document.objects.bulk_update([document], ["title"])


def saved_as_before(document: Document) -> None:
    """The instance of a historical model is saved whole, with the version that it was read with."""
    old = historical().objects.get(pk=document.pk)
    old.title = "New"
    old.save()


def upsert(document: Document) -> None:
    insert(document, "ON CONFLICT (id) DO UPDATE SET title = 'New'", key=document.pk)


CHANGES: dict[str, Callable[[Document], object]] = {
    "save": saved,
    "save of named fields": lambda d: saved(d, update_fields=["title"]),
    "update": lambda d: everywhere(d).update(title="New"),
    "update by an expression": lambda d: everywhere(d).update(
        title=Concat(Value("New"), Value("")), body=F("body")
    ),
    "bulk_update": updated_in_bulk,
    "updating conflicts": lambda d: Document.objects.bulk_create(
        [Document(pk=d.pk, **of(d, title="New"))],
        update_conflicts=True, update_fields=["title"], unique_fields=["id"],
    ),
    "update_or_create": lambda d: Document.objects.update_or_create(
        tenant_id=d.tenant_id, pk=d.pk, defaults={"title": "New"}
    ),
    "base manager": lambda d: Document._base_manager.filter(pk=d.pk).update(title="New"),
    "plain query set": lambda d: QuerySet(Document).filter(pk=d.pk).update(title="New"),
    "historical model": saved_as_before,
    "fixture": lambda d: load(d, title="New", version=1),
    "UPDATE": lambda d: execute(f"UPDATE {TABLE} SET title = 'New' WHERE id = %s", d.pk),
    "UPDATE with a version": lambda d: execute(
        f"UPDATE {TABLE} SET title = 'New', version = 3 WHERE id = %s", d.pk
    ),
    "UPDATE with the next version": lambda d: execute(
        f"UPDATE {TABLE} SET title = 'New', version = version + 1 WHERE id = %s", d.pk
    ),
    "INSERT ON CONFLICT": upsert,
}  # fmt: skip

# Ways to delete it.

DELETIONS: dict[str, Callable[[Document], object]] = {
    "delete": lambda d: d.delete(),
    "query set": lambda d: everywhere(d).delete(),
    "base manager": lambda d: Document._base_manager.filter(pk=d.pk).delete(),
    "raw delete": lambda d: QuerySet(Document).filter(pk=d.pk)._raw_delete("default"),
    "historical model": lambda d: historical().objects.get(pk=d.pk).delete(),
    "cascade": lambda d: d.tenant.delete(),
    "DELETE": lambda d: execute(f"DELETE FROM {TABLE} WHERE id = %s", d.pk),
}

if connection.vendor == "postgresql":
    CREATIONS["COPY"] = copy
    CHANGES["writable CTE"] = lambda d: execute(
        f"WITH changed AS (UPDATE {TABLE} SET title = 'New' WHERE id = %s RETURNING id)"
        " SELECT count(*) FROM changed", d.pk,
    )  # fmt: skip
    DELETIONS["TRUNCATE"] = lambda d: execute(
        f"SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE {TABLE} CASCADE"
    )
else:
    CREATIONS["INSERT OR IGNORE"] = lambda d: insert(d, verb="INSERT OR IGNORE")
    CREATIONS["INSERT OR REPLACE"] = lambda d: insert(d, verb="INSERT OR REPLACE")

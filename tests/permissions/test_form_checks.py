"""Every form of model and relation that Django documents: it works, or a check says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.models import Model

from permissions.audiences import Audience, Resource, registry
from permissions.checks import check_resources
from permissions.form_checks import check_databases, check_form, check_views, followed
from permissions.rows import Rows
from permissions.serializers import AudienceSerializer
from tenants.models import Tenant, User
from tenants.opaque import OpaqueIdField


class Base(models.Model):
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    title = models.CharField(max_length=9)

    class Meta:
        abstract = True
        app_label = "checked"


def form(name: str, base: type[Model] = Base, meta: Any = None, **fields: Any) -> Any:
    """A model of this form."""
    given = {"app_label": "checked", **(meta or {})}
    inside = {"__module__": __name__, "Meta": type("Meta", (), given), **fields}
    return type(name, (base,), inside)


Plain = form("Plain")
Child = form("Child", Plain, notes=models.CharField(max_length=9))
Proxy = form("Proxy", Plain, {"proxy": True})
Swapped = form("Swapped", meta={"swappable": "A_SETTING"})
Schema = form("Schema", meta={"db_table": '"other"."table"'})
Dotted = form("Dotted", meta={"db_table": "other.table"})
Composite = form(
    "Composite",
    pk=models.CompositePrimaryKey("number", "title"),
    number=models.IntegerField(),
)
Decimal = form("Decimal", id=models.DecimalField(max_digits=9, decimal_places=0, primary_key=True))
Named = form("Named", owner=models.ForeignKey(
    User, models.CASCADE, to_field="username", related_name="+"))  # fmt: skip
Number = form("Number", owner=models.IntegerField())
Group = form("Group", owner=models.ForeignKey("auth.Group", models.CASCADE, related_name="+"))
Generic = form(
    "Generic",
    kind=models.ForeignKey(ContentType, models.CASCADE, related_name="+"),
    number=models.PositiveIntegerField(),
    thing=GenericForeignKey("kind", "number"),
)
Filed = form("Filed", file=models.FileField(max_length=99))
Unmanaged = form("Unmanaged", meta={"managed": False, "db_table": "an odd name"})
One = form("One", owner=models.OneToOneField(User, models.CASCADE, related_name="+"))
Self = form("Self", above=models.ForeignKey("self", models.CASCADE, null=True, related_name="+"))
Columns = form(
    "Columns", title=models.CharField(max_length=9, db_column="The Title"),
    owner=models.ForeignKey(User, models.CASCADE, db_column="whose", related_name="+"),
)  # fmt: skip

Seen = form("Seen", User, {"proxy": True})
OfSeen = form("OfSeen", owner=models.ForeignKey(Seen, models.CASCADE, related_name="+"))
Placed = form("Placed", tenant=models.OneToOneField(Tenant, models.CASCADE, related_name="+"))
Signed = form("Signed", meta={"db_table": "100 %"})
Elsewhere_ = form("Elsewhere_", meta={"required_db_vendor": "oracle"})
Unpermitted = form("Unpermitted", meta={"default_permissions": ()})


def pathed(name: str, target: Any) -> Any:
    link = models.ForeignKey(target, models.CASCADE, related_name="+")
    return form(name, tenant=None, place=link)


Farther = pathed("Farther", Child)
Quoted = pathed("Quoted", Schema)
Views: list[Any] = [pathed("OfPlain", Plain), Plain]


class Through(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="+")

    class Meta:
        app_label = "checked"


def linked(name: str, through: Any, base: type[Model] = Model, **fields: Any) -> Any:
    """A model whose many-to-many field has a table of this form."""
    thing = models.ForeignKey(f"checked.{name}", models.CASCADE, related_name="+")
    form(f"{name}Row", base, through, thing=thing, **fields)
    members = models.ManyToManyField(User, through=f"checked.{name}Row", related_name="+")
    return form(name, members=members)


def user() -> Any:
    return models.ForeignKey(User, models.CASCADE, related_name="+")


Linked = linked("Linked", {}, user=user(), note=models.TextField())
LinkedQuoted = linked("LinkedQuoted", {"db_table": '"s"."t"'}, user=user())
LinkedChild = linked("LinkedChild", {}, Through)
LinkedComposite = linked(
    "LinkedComposite", {}, user=user(), pk=models.CompositePrimaryKey("user", "thing")
)
LinkedSeen = form("LinkedSeen", members=models.ManyToManyField(Seen, related_name="+"))

Percent = form("Percent", title=models.CharField(max_length=9, db_column="100 %"))
Keyed = form("Keyed", owner=models.OneToOneField(
    User, models.CASCADE, primary_key=True, related_name="+"))  # fmt: skip
Ordered = form(
    "Ordered", meta={"order_with_respect_to": "above"},
    above=models.ForeignKey("checked.Plain", models.CASCADE, related_name="+"),
)  # fmt: skip
Computed = form("Computed", title=models.GeneratedField(
    expression=models.Value("computed"), db_persist=True,
    output_field=models.CharField(max_length=9),
))  # fmt: skip


def declared(
    model: Any, *fields: str, holder: str = "owner", tenant: str | None = None
) -> Resource:
    meta = type("Meta", (), {"model": model, "fields": ("id", "title", *fields)})
    inside = {"Meta": meta, "id": OpaqueIdField(model)}
    serializer: Any = type("Shown", (AudienceSerializer,), inside)
    name = f"view_{model._meta.model_name}"
    return Resource(
        model=model,
        audiences=(Audience("reader", name, serializer),),
        holders={holder: "reader"},
        tenant=tenant,
    )


def ids(resource: Resource, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    monkeypatch.setattr(registry, "_resources", {resource.label: resource})
    labels = {message.id for message in check_resources()}
    return {str(label).removeprefix("earshot.") for label in labels}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        *((each, set()) for each in (Plain, One, Self, Columns, Unmanaged, Filed, Generic)),
        *((each, set()) for each in (Keyed, Ordered, Computed)),
        (Child, {"E016", "E071"}),
        (Proxy, {"E070"}),
        (Swapped, {"E070"}),
        (Schema, {"E072"}),
        (Dotted, {"E072"}),
        (Composite, {"E060"}),
        (Decimal, {"E060"}),
        (Percent, {"E075"}),
        (Named, {"E074"}),
        (Number, {"E074"}),
        (Group, {"E074"}),
        (OfSeen, set()),
        (Placed, set()),
        (Signed, {"E072"}),
        (Elsewhere_, {"E073"}),
        (Unpermitted, {"E003"}),
    ],
)
def test_form_works_or_is_refused(
    model: Any, expected: set[str], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    if model is Swapped:
        settings.A_SETTING = "checked.Plain"
    assert ids(declared(model), monkeypatch) == expected


@pytest.mark.parametrize(("model", "expected"), [(Farther, set()), (Quoted, {"E072"})])
def test_path_of_any_tables_works_or_is_refused(
    model: Any, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ids(declared(model, tenant="place__tenant"), monkeypatch) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Linked, set()),
        (LinkedSeen, set()),
        (LinkedQuoted, {"E072"}),
        (LinkedChild, {"E063"}),
        (LinkedComposite, {"E063"}),
    ],
)
def test_many_to_many_holders_of_any_table_work_or_are_refused(
    model: Any, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ids(declared(model, holder="members"), monkeypatch) == expected


def test_rows_of_any_table_work_or_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps, "get_model", lambda label: {"checked.Q": Schema}[label])
    for label, expected in (("checked.Q", True), ("checked.Nothing", False)):
        rows = Rows(label, object="tenant", user="owner", gives="reader")
        found = followed(replace(declared(Plain), sources=(rows,)))
        assert (Schema in found) == expected


def test_path_that_leads_nowhere_is_no_concern_of_these(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ids(declared(Farther, tenant="place__title"), monkeypatch) == set()


def test_abstract_model_is_refused() -> None:
    model: Any = Base
    said = [message.id for message in check_form(replace(declared(Plain), model=model))]
    assert said == ["earshot.E070"]


@pytest.mark.parametrize(
    ("model", "field", "expected"),
    [(Filed, "file", {"E007"}), (Generic, "kind", {"E007", "E009"})],
)
def test_field_that_a_payload_cannot_have_is_refused(
    model: Any, field: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ids(declared(model, field), monkeypatch) == expected


def test_generic_relation_names_no_holders(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ids(declared(Generic, holder="thing"), monkeypatch) == {"E016"}


@pytest.mark.django_db
def test_view_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_resources", {"checked.plain": declared(Plain)})
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW checked_plain AS SELECT 1 AS id")
    assert [message.id for message in check_views(["default"])] == ["earshot.E076"]
    assert check_views() == []
    placed = declared(Views[0], tenant="place__tenant")
    monkeypatch.setattr(registry, "_resources", {placed.label: placed})
    assert [message.obj for message in check_views(["default"])] == [Plain]
    with connection.cursor() as cursor:
        cursor.execute("DROP VIEW checked_plain")
    assert check_views(["default"]) == []


class Elsewhere:
    """A router that keeps everything in another database."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        return "other"


def test_model_in_another_database_is_refused(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.Elsewhere"]
    assert ids(declared(Plain), monkeypatch) == {"E073"}


class Replica:
    """A router that reads what this app has from another database."""

    app_label = ""

    def db_for_read(self, model: Any, **_: Any) -> str | None:
        return "replica" if model._meta.app_label == self.app_label else None


@pytest.mark.parametrize("app_label", ["earshot_realtime", "auth", "guardian", "knox", "resources"])
def test_replica_that_the_apps_would_read_is_refused(
    app_label: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    assert check_databases() == []
    settings.DATABASE_ROUTERS = [f"{__name__}.Replica"]
    monkeypatch.setattr(Replica, "app_label", app_label)
    said = [message.id for message in (*check_databases(), *check_resources())]
    assert {*said} == {"earshot.E073"}


def test_replica_for_what_nobody_declares_is_no_concern(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.Replica"]
    monkeypatch.setattr(Replica, "app_label", "sessions")
    assert check_databases() == []

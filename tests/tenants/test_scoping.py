"""On a model of these tests' own, whose table lives as long as a test."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.migrations.state import ModelState
from django.db.models import Count, F, Q

from tenants.models import Tenant
from tenants.scoping import TenantMissing, TenantOwned, TenantQuerySet, UnscopedManager


class LoudQuerySet(TenantQuerySet[Any]):
    """What a layer above adds: a hook in a write."""

    def update(self, **kwargs: Any) -> int:
        return -super().update(**kwargs)

    def loudly(self) -> Any:
        return self.filter(text=F("text"))


class Note(TenantOwned):
    text = models.CharField(max_length=20)
    author = models.ForeignKey("earshot_tenants.User", models.CASCADE, null=True, related_name="+")
    question = models.ForeignKey("self", models.CASCADE, null=True, related_name="answers")

    class Meta(TenantOwned.Meta):
        app_label = "tests"

    def __str__(self) -> str:
        return self.text


class LoudNote(TenantOwned):
    text = models.CharField(max_length=20)

    objects = LoudQuerySet.as_manager()
    unscoped: ClassVar[Any] = UnscopedManager.from_queryset(LoudQuerySet)()

    class Meta(TenantOwned.Meta):
        app_label = "tests"

    def __str__(self) -> str:
        return self.text


@pytest.fixture
def notes(transactional_db: None, acme: Tenant, globex: Tenant) -> Iterator[Tenant]:
    """A table with two notes in acme and one in globex."""
    with connection.schema_editor() as editor:
        editor.create_model(Note)
    for tenant, text in [(acme, "one"), (acme, "two"), (globex, "three")]:
        Note.objects.create(tenant=tenant, text=text)
    yield acme
    with connection.schema_editor() as editor:
        editor.delete_model(Note)


Query = models.QuerySet[Any]
RUNS: dict[str, Callable[[Query], object]] = {
    "list": list,
    "bool": bool,
    "len": len,
    "index": lambda query: query[0],
    "slice": lambda query: list(query[:1]),
    "get": lambda query: query.get(text="one"),
    "first": lambda query: query.first(),
    "latest": lambda query: query.latest("pk"),
    "count": lambda query: query.count(),
    "exists": lambda query: query.exists(),
    "contains": lambda query: query.contains(Note(pk=1)),
    "aggregate": lambda query: query.aggregate(n=Count("pk")),
    "in_bulk": lambda query: query.in_bulk(),
    "in_bulk of keys": lambda query: query.in_bulk([1]),
    "iterator": lambda query: list(query.iterator()),
    "values": lambda query: list(query.values("text")),
    "explain": lambda query: query.explain(),
    "update": lambda query: query.update(text="new"),
    "delete": lambda query: query.delete(),
    "get_or_create": lambda query: query.get_or_create(text="one"),
    "exclude": lambda query: list(query.exclude(tenant__slug="globex")),
    "union": lambda query: list(query.union(Note.objects.filter(tenant=1))),
    "union with it": lambda query: list(Note.objects.filter(tenant=1).union(query)),
    "or": lambda query: list(query | Note.objects.filter(tenant=1)),
    "or with it": lambda query: list(Note.objects.filter(tenant=1) | query),
    "xor": lambda query: list(query ^ Note.objects.filter(tenant=1)),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_query_that_names_no_tenant_is_refused(run: Callable[[Query], object]) -> None:
    """Before it reaches the database: the test has none."""
    with pytest.raises(TenantMissing, match="A query on Note does not name a tenant") as refused:
        run(Note.objects.all())
    assert refused.value.model is Note


@pytest.mark.parametrize(
    "query",
    [
        lambda: Note.objects.filter(text="one"),
        lambda: Note.objects.filter(author__earshot_memberships__tenant=1),
        lambda: Note.objects.filter(Q(tenant=1) | Q(text="one")),
        lambda: Note.objects.filter(~Q(tenant=1)),
        lambda: Note.objects.filter(Q(Q(tenant=1) | Q(text="one"), text="one")),
        lambda: Note.objects.filter(models.Exists(Note.objects.filter(tenant=1))),
        lambda: Note.objects.exclude(tenant=1),
        lambda: Note.objects.select_related("tenant").order_by("tenant"),
        lambda: Note.objects.filter(text="one") & Note.objects.filter(text="two"),
    ],
)
def test_condition_that_does_not_fix_the_tenant_is_not_enough(query: Callable[[], Query]) -> None:
    with pytest.raises(TenantMissing):
        list(query())


async def test_asynchronous_query_that_names_no_tenant_is_refused() -> None:
    with pytest.raises(TenantMissing):
        _ = [note async for note in Note.objects.all()]
    with pytest.raises(TenantMissing):
        _ = [note async for note in Note.objects.aiterator()]
    with pytest.raises(TenantMissing):
        await Note.objects.acount()


@pytest.mark.each_case
@pytest.mark.parametrize(
    "query",
    [
        lambda acme: Note.objects.filter(tenant=acme),
        lambda acme: Note.objects.filter(tenant_id=acme.pk).order_by("pk").all(),
        lambda acme: Note.objects.filter(tenant__slug="acme"),
        lambda acme: Note.objects.filter(tenant__in=[acme]).exclude(text="none"),
        lambda acme: Note.objects.filter(Q(tenant=acme)).filter(text__in=["one", "two"]),
        lambda acme: Note.objects.filter(Q(Q(tenant=acme), ~Q(text="none"))),
        lambda acme: Note.objects.filter(Q(text="one") | Q(text="two"), tenant=acme),
        lambda acme: Note.objects.all() & Note.objects.filter(tenant=acme),
        lambda acme: Note.objects.filter(tenant=acme) & Note.objects.all(),
        lambda acme: Note.objects.filter(tenant=acme) | Note.objects.filter(tenant=acme),
        lambda acme: Note.objects.none() | Note.objects.filter(tenant=acme),
        lambda acme: Note.objects.filter(tenant=acme) ^ Note.objects.none(),
        lambda acme: Note.objects.filter(tenant=acme).union(Note.objects.none()),
        lambda acme: Note.objects.filter(tenant=acme) | models.QuerySet(Note).filter(tenant=acme),
        lambda acme: Note.objects.across_tenants().filter(text__in=["one", "two"]),
        lambda acme: Note.objects.across_tenants()[:2],
        lambda acme: Note.unscoped.exclude(text="three"),
    ],
)
def test_query_that_names_the_tenant_runs(notes: Tenant, query: Callable[[Tenant], Query]) -> None:
    assert {note.text for note in query(notes)} == {"one", "two"}


def test_everything_works_once_the_tenant_is_named(notes: Tenant) -> None:
    mine = Note.objects.filter(tenant=notes)
    assert mine.count() == 2
    assert mine.exists()
    assert mine.aggregate(n=Count("pk")) == {"n": 2}
    assert len(list(mine.iterator())) == 2
    assert mine.explain()
    assert mine.update(text="new") == 2
    assert mine.filter(text="new").delete()[0] == 2
    assert Note.objects.across_tenants().get().text == "three"


def test_get_that_names_the_tenant_runs(notes: Tenant) -> None:
    assert Note.objects.get(tenant=notes, text="one").text == "one"
    assert Note.objects.get_or_create(tenant=notes, text="one")[1] is False
    assert Note.objects.get_or_create(tenant=notes, text="four")[1] is True
    note, _ = Note.objects.update_or_create(tenant=notes, text="four", defaults={"text": "five"})
    assert note.text == "five"


async def test_asynchronous_query_that_names_the_tenant_runs(notes: Tenant) -> None:
    mine = Note.objects.filter(tenant=notes)
    assert len([note async for note in mine.aiterator()]) == 2
    assert await mine.acount() == 2


def test_nothing_needs_no_tenant() -> None:
    assert list(Note.objects.none()) == []


def test_new_and_known_objects_bring_their_tenants(notes: Tenant) -> None:
    created = Note.objects.bulk_create([Note(tenant=notes, text="four")])
    created[0].text = "five"
    assert Note.objects.bulk_update(created, ["text"]) == 1
    assert Note.objects.filter(tenant=notes, text="five").exists()
    created[0].text = "six"
    created[0].save()
    created[0].refresh_from_db()
    created[0].delete()


def test_related_objects_are_scoped_by_their_object(notes: Tenant) -> None:
    one: Any
    one, two = Note.objects.filter(tenant=notes).order_by("pk")
    one.answers.add(two)
    two.refresh_from_db()
    assert two.question == one
    assert list(one.answers.all()) == [two]
    with_answers: Any
    [with_answers] = Note.objects.filter(tenant=notes, pk=one.pk).prefetch_related("answers")
    assert [answer.text for answer in with_answers.answers.all()] == ["two"]
    with pytest.raises(TenantMissing):
        list(one.answers(manager="objects").all())


def test_object_is_validated_within_its_tenant(notes: Tenant, globex: Tenant) -> None:
    one = Note.objects.get(tenant=notes, text="one")
    one.question = Note.objects.get(tenant=globex)
    with pytest.raises(ValidationError, match="not a valid choice") as refused:
        one.full_clean(exclude=["author"])
    assert set(refused.value.message_dict) == {"question"}
    one.question = one
    one.full_clean(exclude=["author"])
    Note(tenant=globex, text="new", author=None).full_clean(exclude=["author", "question"])
    with pytest.raises(ValidationError, match="cannot be null"):
        Note(text="homeless").full_clean()
    Note(text="homeless").full_clean(exclude=["tenant", "author", "question"])


def test_historical_model_of_a_migration_has_plain_managers() -> None:
    """Its rows may be meant for all tenants, and nothing of its managers is a change."""
    state = ModelState.from_model(Note)
    assert [(name, type(manager)) for name, manager in state.construct_managers()] == [
        ("objects", models.Manager),
        ("unscoped", models.Manager),
    ]
    assert state.managers == [("objects", models.Manager()), ("unscoped", models.Manager())]
    assert state.managers != [("objects", LoudQuerySet.as_manager())]
    assert Note.objects == Note.objects
    assert hash(Note.objects) != hash(Note.unscoped)


def test_layer_above_hooks_the_writes_of_both_managers() -> None:
    assert LoudNote._default_manager.name == LoudNote._base_manager.name == "unscoped"
    for query in (LoudNote.objects.all(), LoudNote._default_manager.all()):
        assert type(query) is LoudQuerySet
    with pytest.raises(TenantMissing):
        LoudNote.objects.update(text="new")
    with pytest.raises(TenantMissing):
        LoudNote.objects.loudly().count()


def test_hooked_writes_are_told_once_for_all(acme: Tenant, transactional_db: None) -> None:
    with connection.schema_editor() as editor:
        editor.create_model(LoudNote)
    try:
        LoudNote.objects.create(tenant=acme, text="one")
        assert LoudNote.objects.filter(tenant=acme).update(text="new") == -1
        assert LoudNote.unscoped.loudly().update(text="new") == -1
        assert LoudNote.objects.bulk_update(LoudNote.unscoped.all(), ["text"]) == -1
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(LoudNote)

"""Documents show their owner's display name, and profiles their person's username."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from permissions.audiences import registry
from permissions.commits import Mark
from permissions.representation import ObjectKey
from realtime.capture import dependents
from realtime.hub.tail import TailReading, read_tail
from realtime.models import Change
from realtime.publishing.publisher import publisher
from resources.documents.audiences import DOCUMENTS
from resources.models import Document, Profile
from resources.profiles.audiences import PROFILES
from tenants.models import Membership, User
from tests.announced import announced
from tests.client import subscribed
from tests.databases import on_postgresql
from tests.permissions.conftest import on_its_own
from tests.realtime.recorded import Recording, stored
from tests.world import World

[OWNER_NAME] = DOCUMENTS.shows
[USERNAME] = PROFILES.shows

NAME = "resources.profile"


@pytest.fixture
def profile(world: World) -> Profile:
    return world.profile("owner")


def test_what_shows_a_model_is_found_through_a_proxy_too() -> None:
    class Person(User):
        class Meta:
            proxy = True
            app_label = "tests"

    assert dependents.shown(Profile) == [(DOCUMENTS, OWNER_NAME)]
    assert dependents.shown(Person) == dependents.shown(User) == [(PROFILES, USERNAME)]
    assert dependents.shown(Document) == []


def test_what_shows_rows_by_their_proxy_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Named(User):
        class Meta:
            proxy = True
            app_label = "tests"

    shows = replace(OWNER_NAME, model=Named)
    monkeypatch.setattr(registry, "_resources", {"a": replace(DOCUMENTS, shows=(shows,))})
    assert [found for _, found in dependents.shown(User)] == [shows]


def test_renamed_profile_raises_the_documents_that_show_it(world: World, profile: Profile) -> None:
    other, foreign = world.create(owner="editor"), world.create("globex", "both")
    recordings = [Recording(d) for d in (world.document, other, foreign)]
    profile.display_name = "New"
    profile.save()
    announced()
    assert (recordings[0].rows, recordings[0].risen) == ([(1, ["owner_name"])], 1)
    assert recordings[1].shows()
    assert recordings[2].shows()


def test_documents_are_raised_in_a_transaction_of_their_own(world: World, profile: Profile) -> None:
    profile.display_name = "New"
    profile.save()
    announced()
    renaming = Change.objects.filter(model=NAME, object_id=profile.pk).latest("pk")
    # An earlier one may be there: on a busy machine the publisher comes to the world's new profiles
    # when the document that shows one of them exists already.
    later = Change.objects.filter(object_id=world.document.pk, pk__gt=renaming.pk)
    raised = later.get(fields=["owner_name"])
    assert raised.xid != renaming.xid


@on_postgresql
async def test_a_document_that_comes_to_show_a_name_while_it_is_changed_gets_the_new_one(
    world: World, by_hand: None
) -> None:
    """The renaming does not see the document move, and the move does not see the new name: found
    or raised before the renaming's commit, one version of the document would have two names."""
    renamed, moved = threading.Event(), threading.Event()

    def rename() -> None:
        with transaction.atomic():
            profile = world.profile("editor")
            profile.display_name = "New"
            profile.save()
            renamed.set()
            assert moved.wait(10)

    def move() -> None:
        assert renamed.wait(10)
        world.write(owner=world.user("editor"))
        announced()
        moved.set()

    async with subscribed(world, "viewer") as viewer:
        with ThreadPoolExecutor(2) as pool:
            for work in [pool.submit(on_its_own, work) for work in (rename, move)]:
                await asyncio.wrap_future(work)
        names = [frame["payload"]["owner_name"] for frame in await viewer.settle()]
        assert names == ["editor", "New"]


def test_profile_changed_in_what_is_not_shown_raises_nothing(
    world: World, profile: Profile
) -> None:
    recording = Recording(world.document)
    profile.bio = "New"
    profile.save()
    announced()
    assert recording.shows()


def test_updated_at_of_a_document_stands_still_when_its_owner_is_renamed(
    world: World, profile: Profile
) -> None:
    before = stored(world.document).updated_at
    profile.display_name = "New"
    profile.save()
    announced()
    assert stored(world.document).updated_at == before


def test_rolled_back_rename_raises_nothing(world: World, profile: Profile) -> None:
    recording = Recording(world.document)
    with transaction.atomic():
        profile.display_name = "New"
        profile.save()
        transaction.set_rollback(True)
    announced()
    assert recording.shows()


def test_deleted_profile_raises_the_documents_that_showed_it(world: World) -> None:
    recording = Recording(world.document)
    Membership.objects.get(tenant=world.tenants["acme"], user=world.user("owner")).delete()
    announced()
    assert recording.shows(["owner_name"])


def test_new_profile_raises_the_documents_that_show_it(world: World) -> None:
    acme, owner = world.tenants["acme"], world.user("owner")
    Membership.objects.get(tenant=acme, user=owner).delete()
    announced()
    recording = Recording(world.document)
    Membership.objects.create(tenant=acme, user=owner)
    announced()
    assert recording.shows(["owner_name"])


def test_renamed_user_raises_their_profiles_in_all_tenants(world: World) -> None:
    profiles = [world.profile("both", tenant) for tenant in world.tenants]
    recordings = [Recording(p) for p in (*profiles, world.profile("owner"))]
    both = world.user("both")
    both.username = "renamed"
    both.save()
    announced()
    assert [r.rows for r in recordings] == [[(1, ["username"])], [(1, ["username"])], []]


def test_profile_of_a_renamed_user_is_raised_after_the_commit(world: World) -> None:
    """In the same transaction its version could get a second payload before the commit."""
    recording = Recording(world.profile("owner"))
    owner = world.user("owner")
    with transaction.atomic():
        owner.username = "renamed"
        owner.save()
        assert recording.risen == 0
    announced()
    assert recording.shows(["username"])


def test_user_who_keeps_their_name_raises_nothing(world: World) -> None:
    recording = Recording(world.profile("owner"))
    User.objects.filter(pk=world.user("owner").pk).update(is_active=False)
    world.create()
    User.objects.create_user("new")
    announced()
    assert recording.shows()


def test_raising_costs_the_same_queries_for_one_and_for_fifty_documents(
    world: World, profile: Profile
) -> None:
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            dependents.raise_for(DOCUMENTS, OWNER_NAME, [profile])
        costs.append(len(queries))
        world_documents = [
            Document(tenant=profile.tenant, owner=profile.user, title="A") for _ in range(49)
        ]
        Document.objects.bulk_create(world_documents)
        announced()
    assert costs[0] == costs[1]


def test_rows_are_looked_up_some_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependents, "BATCH", 2)
    acme = world.tenants["acme"].pk
    profiles = list(Profile.objects.filter(tenant=acme))
    other = world.create(owner="editor")
    found = dependents.find(OWNER_NAME, profiles)
    assert found == {(acme, world.document.pk), (acme, other.pk)}
    dependents.raise_for(DOCUMENTS, OWNER_NAME, [])


# A crash between the commit and the raising: the tail finds what it left.


@pytest.fixture
def crash(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Mark]:
    """From here on, this process dies at each commit before it tells or raises anything; returns
    where the tail goes on."""
    marks = tail(world, None).marks
    monkeypatch.setattr(publisher, "wake", lambda: None)
    monkeypatch.setattr(dependents, "raise_for", lambda *args: None)
    return marks


def tail(world: World, marks: list[Mark] | None) -> TailReading:
    return read_tail(lambda: [world.tenants["acme"].pk], marks)


def keys(world: World, *objects: Any) -> set[tuple[int, ObjectKey]]:
    return {(o.tenant_id, ObjectKey(type(o)._meta.label_lower, o.pk)) for o in objects}


def test_tail_finds_documents_of_a_renamed_profile(
    world: World, crash: list[Mark], profile: Profile
) -> None:
    profile.display_name = "New"
    profile.save()
    assert tail(world, crash).showing == keys(world, world.document)


def test_tail_finds_documents_of_a_deleted_profile(world: World, crash: list[Mark]) -> None:
    Membership.objects.get(tenant=world.tenants["acme"], user=world.user("owner")).delete()
    found = tail(world, crash)
    assert found.showing == keys(world, world.document)
    assert found.changed == []


def test_tail_finds_profiles_of_a_renamed_user(
    world: World, crash: list[Mark], profile: Profile
) -> None:
    owner = world.user("owner")
    owner.username = "renamed"
    owner.save()
    assert tail(world, crash).showing == keys(world, profile)


def test_tail_finds_nothing_for_fields_that_are_not_shown(
    world: World, crash: list[Mark], profile: Profile
) -> None:
    profile.bio = "New"
    profile.save()
    world.document.title = "New"
    world.document.save()
    assert tail(world, crash).showing == set()


def test_several_changes_of_a_row_count_together(world: World, profile: Profile) -> None:
    key = ObjectKey(NAME, profile.pk)
    shown = keys(world, world.document)
    for changed, expected in (
        ([["bio"], ["display_name"]], shown),
        ([["bio"], None], shown),
        ([None, ["bio"]], shown),
        ([["bio"], ["title"]], set()),
    ):
        found = dependents.showing(profile.tenant_id, [(key, fields) for fields in changed])
        assert found == expected
    unknown = ObjectKey("library.shelf", profile.pk)
    assert dependents.showing(profile.tenant_id, [(unknown, None)]) == set()


def test_looking_for_what_shows_costs_the_same_for_one_and_for_all_profiles(world: World) -> None:
    acme = world.tenants["acme"].pk
    keys = list(Profile.objects.filter(tenant=acme).values_list("pk", flat=True))
    costs = []
    for some in (keys[:1], keys):
        with CaptureQueriesContext(connection) as queries:
            dependents.showing(acme, [(ObjectKey(NAME, pk), None) for pk in some])
        costs.append(len(queries))
    assert costs == [2, 2]

"""Trackers keep what was saved with their instances."""

import copy
import gc
import pickle
import weakref

from django.apps import apps

from realtime.capture.tracking import InstanceTracker
from realtime.models import LiveModel
from resources.models import Document, Profile
from tenants.models import User
from tests.realtime.conftest import member


def test_object_that_was_read_is_not_kept_until_garbage_is_collected(document: Document) -> None:
    gc.collect()
    gc.disable()
    try:
        seen = weakref.ref(Document.objects.get(pk=document.pk, tenant=document.tenant))
        assert seen() is None
    finally:
        gc.enable()


def test_every_live_model_is_tracked_so() -> None:
    models = [model for model in apps.get_models() if issubclass(model, LiveModel)]
    assert models
    assert {model.tracker.tracker_class for model in models} == {InstanceTracker}


def test_tracker_outlives_the_name_of_its_instance(document: Document) -> None:
    tracker = Document.objects.get(pk=document.pk, tenant=document.tenant).tracker
    assert (tracker.previous("title"), tracker.changed()) == ("Plan", {})


def test_deferred_field_is_saved_when_it_is_read(document: Document) -> None:
    part = Document.objects.defer("title").get(pk=document.pk, tenant=document.tenant)
    part.title = "B"
    assert part.tracker.changed() == {"title": "Plan"}


def test_block_in_which_fields_are_not_seen_as_saved_ends(document: Document) -> None:
    document.title = "B"
    with document.tracker:
        with document.tracker("title"):
            pass
        assert document.tracker.changed() == {"title": "Plan"}
    assert document.tracker.changed() == {}


def test_copies_say_what_changed_in_themselves(document: Document) -> None:
    for other in (
        copy.copy(document),
        copy.deepcopy(document),
        pickle.loads(pickle.dumps(document)),
    ):
        other.title = "B"
        assert other.tracker.changed() == {"title": "Plan"}
        assert document.tracker.changed() == {}


def test_two_foreign_keys_may_be_deferred(document: Document, owner: User) -> None:
    profiles = Profile.objects.filter(tenant=document.tenant)
    profile = profiles.get(user=owner)
    part = profiles.only("title").get(pk=profile.pk)
    part.title = "Editor"
    part.save()
    assert profiles.only("title").get(pk=profile.pk).user == owner
    assert profiles.defer("user").get(pk=profile.pk).tracker.changed() == {}
    profile.refresh_from_db(fields=["title"])
    profile.refresh_from_db(fields=["user", "membership"])
    assert (profile.title, profile.user, profile.tracker.changed()) == ("Editor", owner, {})


def test_deferred_foreign_key_is_saved_when_it_is_assigned(document: Document, owner: User) -> None:
    heir = member("heir", document.tenant)
    part = Document.objects.filter(tenant=document.tenant).only("title").get(pk=document.pk)
    part.owner = heir
    part.save()
    document.refresh_from_db(fields=["owner"])
    assert document.owner == heir


def test_saved_value_of_a_field_that_was_not_loaded_is_asked_for(document: Document) -> None:
    deferred = Document.unscoped.defer("body").get(pk=document.pk)
    assert deferred.tracker.previous("body") == document.body

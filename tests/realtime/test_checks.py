"""`manage.py check` finds live models whose tracker misses something."""

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import models
from model_utils import FieldTracker

from realtime.checks import check_live_models
from realtime.models import LiveModel
from tests.realtime.library.models import Book, Novel


def check(monkeypatch: pytest.MonkeyPatch, *found: type[models.Model]) -> list[str]:
    monkeypatch.setattr(apps, "get_models", lambda: list(found))
    return [f"{e.id} {e.obj.__name__} {e.hint}" for e in check_live_models()]


def test_projects_own_models_pass() -> None:
    assert check_live_models() == []
    assert "earshot.E020" not in {message.id for message in run_checks()}


def test_tracked_model_its_proxy_and_other_models_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(monkeypatch, Book, Novel, LiveModel.__mro__[-2], models.Model) == []


class Tracked(LiveModel):
    """Abstract: its tracker tracks nothing."""

    title = models.CharField(max_length=20)
    tracker = FieldTracker(fields=["title"])

    class Meta(LiveModel.Meta):
        abstract = True


class Inherited(Tracked):
    class Meta(LiveModel.Meta):
        app_label = "library"

    def __str__(self) -> str:
        return self.title


class Partly(LiveModel):
    title = models.CharField(max_length=20)
    body = models.TextField()
    tracker = FieldTracker(fields=["title"])

    class Meta(LiveModel.Meta):
        app_label = "library"

    def __str__(self) -> str:
        return self.title


class Untracked(LiveModel):
    title = models.CharField(max_length=20)

    class Meta(LiveModel.Meta):
        app_label = "library"

    def __str__(self) -> str:
        return self.title


@pytest.mark.parametrize("model", [Inherited, Partly, Untracked])
def test_model_without_a_full_tracker_of_its_own_is_an_error(
    monkeypatch: pytest.MonkeyPatch, model: type[models.Model]
) -> None:
    [found] = check(monkeypatch, model)
    fields = ["body", "title"] if model is Partly else ["title"]
    assert found == (
        f"earshot.E020 {model.__name__} "
        f"Declare tracker = FieldTracker(fields={fields}) on the class itself."
    )

import pytest

from resources import models
from resources.audiences import DOCUMENTS, PROFILES


@pytest.mark.parametrize("name", models.__all__)
def test_models_are_importable_from_one_place(name: str) -> None:
    assert getattr(models, name)._meta.app_label == "resources"


def test_declarations_are_of_these_models() -> None:
    assert (DOCUMENTS.model, PROFILES.model) == (models.Document, models.Profile)
    assert (DOCUMENTS.label, PROFILES.label) == ("resources.document", "resources.profile")

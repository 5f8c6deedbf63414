"""Fields of what REST is asked."""

import pytest
from rest_framework.exceptions import ValidationError

from permissions.fields import ModelField


def test_label_of_a_declared_resource_is_taken() -> None:
    assert ModelField().run_validation("resources.document") == "resources.document"


@pytest.mark.parametrize("label", ["earshot_tenants.user", "no", "", None, 5, "resources.Document"])
def test_other_labels_are_refused(label: object) -> None:
    with pytest.raises(ValidationError):
        ModelField().run_validation(label)

"""One model of a project's own and a live one, with a column of each form."""

from __future__ import annotations

from typing import Any

from django.db import models
from model_utils import FieldTracker

from realtime.models import LiveModel
from tests.formed.columns import GENERATED, name_of
from tests.formed.forms import COLUMNS


def columns() -> dict[str, Any]:
    """A column of each form, by name."""
    made = {name_of(form): column.make() for form, column in COLUMNS.items()}
    return made | {name_of(form): make() for form, make in GENERATED.items()}


def model(name: str, base: Any, meta: Any, **fields: Any) -> Any:
    """A model with all the columns."""
    inside = {
        "__module__": __name__,
        "owner": models.ForeignKey("earshot_tenants.User", models.CASCADE, related_name="+"),
        "title": models.CharField(max_length=50),
        **columns(),
        **fields,
    }
    inside["Meta"] = type("Meta", meta, {"app_label": "formed"})
    return type(name, (base,), inside)


Plain = model(
    "Plain",
    models.Model,
    (),
    tenant=models.ForeignKey("earshot_tenants.Tenant", models.CASCADE, related_name="+"),
)
Live = model(
    "Live",
    LiveModel,
    (LiveModel.Meta,),
    tracker=FieldTracker(fields=["owner", "title", *columns()]),
)
MODELS: list[Any] = [Plain, Live]

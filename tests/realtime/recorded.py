"""What was recorded of an object."""

from typing import Any

from permissions import decision
from realtime.models import Change
from resources.audiences import DOCUMENTS
from resources.models import Document
from tenants.models import Membership

Row = tuple[int, list[str] | None]

STAMPED = ["title", "updated_at"]
"""What is recorded when the title changes."""


def changes_of(obj: Any) -> list[Row]:
    """The (version, fields) of every change of it, in order."""
    rows = Change.objects.filter(
        model=obj._meta.concrete_model._meta.label_lower, object_id=obj.pk, version__gt=0
    )
    return list(rows.order_by("pk").values_list("version", "fields"))


def stored(obj: Any) -> Any:
    """The object as it is in the database."""
    return type(obj)._base_manager.get(pk=obj.pk)


def owners(document: Document) -> list[str]:
    """The names of those who are decided to be its owners now."""
    places = Membership.objects.filter(tenant=document.tenant_id).select_related("user")
    names = {(place.user_id, document.pk): place.user.username for place in places}
    decided = decision.audiences(DOCUMENTS, document.tenant_id, list(names))
    return sorted(names[pair] for pair, a in decided.items() if a and a.name == "owner")


class Recording:
    """What is recorded of an object from now on, and by how much its version rises."""

    def __init__(self, obj: Any) -> None:
        self.obj = obj
        self.before = len(changes_of(obj))
        self.version = stored(obj).version

    @property
    def rows(self) -> list[tuple[int, list[str] | None]]:
        """The changes since, their versions counted from the version at the start."""
        new = changes_of(self.obj)[self.before :]
        return [(version - self.version, fields) for version, fields in new]

    @property
    def risen(self) -> int:
        """By how much the stored version is above that at the start."""
        risen: int = stored(self.obj).version - self.version
        return risen

    def shows(self, *fields: list[str] | None) -> bool:
        """Whether exactly these changes, one version each, were recorded."""
        return self.rows == list(enumerate(fields, start=1)) and self.risen == len(fields)

"""What tests of REST ask for, what refusals say, and what is read of answers and of the table."""

from typing import Any

from resources.models import Document
from tests.world import World

LIST = "/api/documents/"
NOT_FOUND = {"detail": "Not found.", "code": "not_found"}
DENIED = {
    "detail": "You do not have permission to perform this action.",
    "code": "permission_denied",
}


def etag(response: Any) -> str:
    return str(response["ETag"])


def stored(world: World) -> dict[str, Any]:
    rows = Document.objects.across_tenants().filter(pk=world.document.pk)
    return dict(rows.values("title", "body", "budget", "version").get())

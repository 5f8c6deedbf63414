"""Documents over REST."""

from __future__ import annotations

from permissions.rest import AudienceViewSet, CreateMixin
from permissions.rest_grants import GrantsMixin
from resources.documents.audiences import DOCUMENTS


class DocumentViewSet(CreateMixin, GrantsMixin, AudienceViewSet):
    """`/api/documents/`: each reader gets their audience's payload."""

    resource = DOCUMENTS

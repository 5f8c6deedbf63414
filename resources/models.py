"""Every resource's models, importable from here; each is defined in its own package."""

from resources.documents.models import Document, DocumentGroupGrant, DocumentUserGrant
from resources.profiles.models import Profile, ProfileGroupGrant, ProfileUserGrant

__all__ = [
    "Document",
    "DocumentGroupGrant",
    "DocumentUserGrant",
    "Profile",
    "ProfileGroupGrant",
    "ProfileUserGrant",
]

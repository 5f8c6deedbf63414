"""Every resource's declaration; importing it declares them."""

from resources.documents.audiences import DOCUMENTS
from resources.profiles.audiences import PROFILES

__all__ = ["DOCUMENTS", "PROFILES"]

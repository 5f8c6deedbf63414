"""The models of this app, by the names under which everybody else knows them."""

from realtime.audit.inquiries import Inquiry
from realtime.audit.models import (
    Access,
    ChainEntry,
    ChainHead,
    ChainPosition,
    Connection,
    Process,
    Push,
    Read,
)
from realtime.audit.viewings import Applied, Viewing
from realtime.capture.interval_models import Belongs, Held, Replaced
from realtime.capture.models import Change, LiveModel

__all__ = [
    "Access",
    "Applied",
    "Belongs",
    "ChainEntry",
    "ChainHead",
    "ChainPosition",
    "Change",
    "Connection",
    "Held",
    "Inquiry",
    "LiveModel",
    "Process",
    "Push",
    "Read",
    "Replaced",
    "Viewing",
]

"""The session engine: Django's, in a table that knows whose session each is."""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db import transaction

from tenants import revocations
from tenants.models import Session
from tenants.users import User


class SessionStore(db.SessionStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _validate_session_key(self, key: str | None) -> bool:
        # A cookie may hold anything, and PostgreSQL accepts no NUL.
        valid: bool = super()._validate_session_key(key)  # type: ignore[misc]
        return bool(valid) and str(key).isalnum()

    @transaction.atomic
    def cycle_key(self) -> None:
        """Renew the session; where the old one is revoked, the new one is, too."""
        if self.session_key is None:
            super().cycle_key()
            return
        old = "session", self.session_key
        revocations.lock(old)
        places = revocations.tenants_of(old)  # with the old one's row they go
        super().cycle_key()
        revocations.inherit(places, old, ("session", str(self.session_key)))

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        return _with_user(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> Session:
        return _with_user(await super().acreate_model_instance(data), data)


def _with_user(session: Any, data: dict[str, Any]) -> Session:
    session.user_id = User._meta.pk.to_python(data.get(SESSION_KEY))
    made: Session = session
    return made

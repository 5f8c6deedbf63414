"""A tenant with one document, and an ear in the place of the publisher."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from realtime.capture.committed import Committed, Own
from realtime.capture.installing import install
from realtime.publishing.publisher import publisher
from resources.models import Document
from tenants.models import Membership, Tenant, User
from tests.announced import announced
from tests.permissions.conftest import elsewhere as on_another_thread


@pytest.fixture
def acme(db: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


@pytest.fixture
def owner(acme: Tenant) -> User:
    return member("owner", acme)


def queries(work: Callable[..., Any], *args: Any) -> int:
    """How many queries this work asks."""
    with CaptureQueriesContext(connection) as found:
        work(*args)
    return len(found)


def member(username: str, tenant: Tenant) -> User:
    """A member whose profile is announced: later, it would raise what the test makes of theirs."""
    user = User.objects.create_user(username, password="secret", first_name=username)
    Membership.objects.create(tenant=tenant, user=user)
    announced()
    return user


@pytest.fixture
def document(acme: Tenant, owner: User) -> Document:
    """A document that is committed and announced, as a later request would load it."""
    created = Document.objects.create(tenant=acme, owner=owner, title="Plan", body="Text")
    connection.run_on_commit.clear()  # in a test that is one transaction itself
    announced()
    return Document.objects.get(tenant=acme, pk=created.pk)


@pytest.fixture
def told(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What each commit has the publisher announce; nothing of it is sent."""
    return ear(monkeypatch)


class Told(list[Committed]):
    """What each commit has to announce, read on another thread, as the publisher does.

    SQLite wakes it before it has committed an INSERT outside a transaction: that comes later.
    """

    def __init__(self) -> None:
        self._own = Own()
        self._read()

    def _read(self) -> Committed:
        return on_another_thread(self._own.read)

    def wake(self) -> None:
        committed = self._read()
        if committed != Committed():  # a commit may wake more than once
            self.append(committed)

    def clear(self) -> None:
        """Nothing that has committed is told any more."""
        self._read()
        super().clear()


def ear(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What each commit from now on has to announce."""
    told = Told()
    monkeypatch.setattr(publisher, "wake", told.wake)
    return told


class Elsewhere:
    """A transaction on a connection of its own; what it does is done, and it has not committed."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._written, self._may_commit = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=[work])
        self._thread.start()
        assert self._written.wait(10)

    def _run(self, work: Callable[[], Any]) -> None:
        with transaction.atomic():
            work()
            self._written.set()
            self._may_commit.wait(10)
        connection.close()

    def commit(self) -> None:
        self._may_commit.set()
        self._thread.join()


Begin = Callable[[Callable[[], Any]], Elsewhere]


@pytest.fixture
def elsewhere() -> Iterator[Begin]:
    """Begins such transactions; those that are left commit at the end of the test."""
    with ExitStack() as stack:

        def begin(work: Callable[[], Any]) -> Elsewhere:
            begun = Elsewhere(work)
            stack.callback(begun.commit)
            return begun

        yield begin


@pytest.fixture
def library(transactional_db: None) -> Iterator[Any]:
    """The models of the app `library`, which is installed and has its tables."""
    from tests.realtime.library import models

    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "tests.realtime.library"]):
        with connection.schema_editor() as editor:
            for model in models.MODELS:
                editor.create_model(model)
        install()
        yield models
        announced()
        with connection.schema_editor() as editor:
            for model in reversed(models.MODELS):
                editor.delete_model(model)

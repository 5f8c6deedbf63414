"""The keys of the ledger, from the settings."""

from __future__ import annotations

from pytest_django import Settings

from realtime.audit.chain import key_id
from realtime.audit.keys import derived, keys


def test_without_a_key_of_its_own_the_ledger_has_one_of_the_secret_key(settings: Settings) -> None:
    settings.LEDGER_KEYS = []
    settings.SECRET_KEY = "one"
    assert keys().current == key_id(derived("one").encode())
    settings.SECRET_KEY = "another"
    assert keys().current != key_id(derived("one").encode())
    assert "one" not in derived("one")


def test_first_key_seals_and_the_others_and_that_of_the_secret_key_are_known(
    settings: Settings,
) -> None:
    settings.LEDGER_KEYS = ["new", "old"]
    found = keys()
    assert found.current == key_id(b"new")
    assert found.age(key_id(b"old")) == 1
    assert found.age(key_id(derived(settings.SECRET_KEY).encode())) == found.oldest == 2

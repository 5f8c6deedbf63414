"""Exceptions of packages that may be missing."""

from django.core.exceptions import ValidationError

from tenants.optional import errors


def test_exceptions_are_found_by_name_and_none_of_a_missing_package() -> None:
    assert errors("django.core.exceptions", "ValidationError") == (ValidationError,)
    assert errors("there_is.none", "ValidationError") == ()

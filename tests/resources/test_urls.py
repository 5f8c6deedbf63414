import pytest
from django.urls import URLPattern, resolve, reverse

from resources.urls import urlpatterns


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/documents/", "document-list"),
        ("/api/documents/Xk3mWq9z/", "document-detail"),
        ("/api/documents/Xk3mWq9z/grants/", "document-grants"),
        ("/api/documents/Xk3mWq9z/grants/role:admin/", "document-grant"),
        ("/api/profiles/", "profile-list"),
        ("/api/profiles/me/", "profile-me"),
        ("/api/profiles/Xk3mWq9z/", "profile-detail"),
    ],
)
def test_address_is_flat_and_as_promised(path: str, name: str) -> None:
    match = resolve(path)
    assert match.url_name == name
    assert reverse(name, kwargs=match.kwargs) == path


def test_there_are_no_other_addresses() -> None:
    assert {p.name for p in urlpatterns if isinstance(p, URLPattern)} == {
        "document-list",
        "document-detail",
        "document-grants",
        "document-grant",
        "profile-list",
        "profile-detail",
        "profile-me",
    }

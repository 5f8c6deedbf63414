"""What an operator's page answers to a key that there cannot be."""

import pytest

from tests.project.console.test_admin import operator
from tests.world import World

KEYS = ("none", "1e3", "-1", str(10**30), "%00")


@pytest.mark.parametrize(
    "page", ["", "user-manage/1/", "user-manage/{key}/", "group-manage/{key}/"]
)
@pytest.mark.parametrize("key", KEYS)
def test_page_of_grants_for_an_impossible_key_is_not_found(
    world: World, key: str, page: str
) -> None:
    object_key = str(world.document.pk) if "{key}" in page else key
    address = f"/admin/resources/document/{object_key}/permissions/{page.format(key=key)}"
    assert operator().get(address).status_code == 404

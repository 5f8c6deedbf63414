"""Etags over REST: a reader gets no body that they have, and a stale write is refused."""

import pytest

from tests.permissions.answers import LIST, etag, stored
from tests.world import World


def test_reader_who_knows_the_object_gets_no_body(world: World) -> None:
    client = world.rest("viewer")
    known = etag(client.get(world.url))
    table = {
        known: 304,
        f"W/{known}": 304,
        f'"other", {known}': 304,
        f'W/"other",W/{known}': 304,
        "*": 304,
        '"other"': 200,
        known.strip('"'): 200,
        etag(world.rest("owner").get(world.url)): 200,
        "": 200,
        "gibberish, \0": 200,
    }
    answers = {h: client.get(world.url, headers={"If-None-Match": h}) for h in table}
    assert {h: a.status_code for h, a in answers.items()} == table
    for answer in answers.values():
        assert (answer.content == b"") is (answer.status_code == 304)
        assert (etag(answer), answer["X-Audience"]) == (known, "viewer")


def test_etag_moves_only_with_what_the_audience_sees(world: World) -> None:
    client = world.rest("viewer")
    known = etag(client.get(world.url))
    world.rest("owner").patch(world.url, {"budget": "5.00", "review_notes": "secret"})
    assert client.get(world.url, headers={"If-None-Match": known}).status_code == 304
    world.rest("owner").patch(world.url, {"body": "Public"})
    assert client.get(world.url, headers={"If-None-Match": known}).status_code == 200


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_stale_write_is_refused(world: World, method: str) -> None:
    client = world.rest("owner")
    known = etag(client.get(world.url))

    def write(condition: str) -> int:
        headers = {"If-Match": condition}
        answer = getattr(client, method)(world.url, {"title": "Plan"}, headers=headers)
        if answer.status_code == 412:
            assert answer.json()["code"] == "precondition_failed"
        return int(answer.status_code)

    done = 204 if method == "delete" else 200
    stale = {
        '"other"': 412,
        f"W/{known}": 412,
        f'W/"other", W/{known}': 412,
        known.strip('"'): 412,
        etag(world.rest("viewer").get(world.url)): 412,
        "": 412,
        "gibberish": 412,
    }
    assert {condition: write(condition) for condition in stale} == stale
    good = ["*", known, f'"other", {known}']
    if method == "delete":
        good = good[1:2]
    assert [write(condition) for condition in good] == [done] * len(good)


def test_condition_is_checked_before_the_body_and_after_the_right(world: World) -> None:
    headers = {"If-Match": '"other"'}
    assert world.rest("owner").patch(world.url, {"no": 1}, headers=headers).status_code == 412
    assert world.rest("viewer").patch(world.url, {}, headers=headers).status_code == 403
    assert world.rest("member").patch(world.url, {}, headers=headers).status_code == 404
    assert world.rest("owner").delete(f"{LIST}x/", headers={"If-Match": "*"}).status_code == 404


def test_own_write_gives_the_etag_for_the_next(world: World) -> None:
    client = world.rest("owner")
    first = client.patch(world.url, {"title": "One"})
    second = client.patch(world.url, {"title": "Two"}, headers={"If-Match": etag(first)})
    third = client.patch(world.url, {"title": "Three"}, headers={"If-Match": etag(first)})
    assert [a.status_code for a in (first, second, third)] == [200, 200, 412]
    assert stored(world)["title"] == "Two"

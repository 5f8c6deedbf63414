import pytest
from django.test import Client

from supply import npm

STYLE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css"


def test_unchanged_static_file_is_not_sent_again() -> None:
    first = Client().get(STYLE)
    again = Client().get(STYLE, headers={"if-none-match": first["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert len(first.content) == int(first["Content-Length"])
    assert again.content == b""


def test_unknown_static_file_is_not_found() -> None:
    assert Client().get("/static/nothing.css").status_code == 404


@pytest.mark.parametrize("name", sorted(path.name for path in npm.SOURCES.iterdir()))
def test_other_origins_may_import_the_client(name: str) -> None:
    answer = Client().get(f"/static/earshot/client/{name}")
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, "*")


def test_other_origins_may_import_nothing_else() -> None:
    assert "Access-Control-Allow-Origin" not in Client().get("/static/earshot/console.js")

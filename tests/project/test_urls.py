from django.test import Client


def test_healthz_asks_no_database_and_is_not_stored() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert response["Cache-Control"] == "no-store"


def test_documentation_comes_from_this_server_alone() -> None:
    response = Client().get("/api/docs/")
    assert response.status_code == 200
    assert b"/static/drf_spectacular_sidecar/" in response.content
    assert b"//" not in response.content.replace(b"// ", b"")


def test_schema_is_open_and_names_the_project() -> None:
    response = Client().get("/api/schema/", headers={"accept": "application/json"})
    assert response.status_code == 200
    assert response.json()["info"]["title"] == "Earshot"


def test_version_that_a_client_asks_for_does_not_reach_a_header() -> None:
    response = Client().get("/api/schema/?version=%00%0d%0a")
    assert response.status_code == 200
    assert "\0" not in response["Content-Disposition"]


def test_documentation_that_is_asked_for_its_options_does_not_fail() -> None:
    assert Client().options("/api/docs/").status_code == 405

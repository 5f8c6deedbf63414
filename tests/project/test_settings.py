import re
import traceback
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from project import environment
from tenants.limit_names import RENAMED
from tenants.limits import LIMITS, Limit
from tests.project.conftest import KEY, NEEDED, ROOT, SECRET, Load, settings_variables


def test_environment_is_enough_without_a_file(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "file", lambda default: None)
    assert load(**NEEDED)["SECRET_KEY"] == SECRET


def test_missing_secret_key_without_debug_says_what_to_set(load: Load) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Set SECRET_KEY .*; it is not set\. .*DEBUG=1"):
        load(EARSHOT_SINGLE_PROCESS="1")


def test_in_memory_layer_without_debug_says_what_to_set(load: Load) -> None:
    with pytest.raises(ImproperlyConfigured, match="Set REDIS_URL, or EARSHOT_SINGLE_PROCESS=1"):
        load(SECRET_KEY=SECRET, EARSHOT_SINGLE_PROCESS="0")


def test_development_needs_nothing(load: Load) -> None:
    settings = load(DEBUG="1")
    assert settings["DEBUG"] is True
    assert settings["SECRET_KEY"]
    assert settings["CHANNEL_LAYERS"]["default"]["BACKEND"].endswith("InMemoryChannelLayer")


def test_debug_is_off_unless_set(load: Load) -> None:
    assert load(**NEEDED)["DEBUG"] is False
    assert load(**NEEDED, DEBUG="")["DEBUG"] is False


NONSENSE = {
    "SECRET_KEY": ["short", "x" * 31],
    "DEBUG": ["maybe", "2", "1 # on"],
    "ALLOWED_HOSTS": ["https://a.example", "a.example/", "a.example:80", "a b", "-", "a,,*.b"],
    "CSRF_TRUSTED_ORIGINS": ["a.example", "https://", "https://a.example/", "*", "a.example:80",
                             "https://a.example:x", "https://[::1"],
    "CORS_ALLOWED_ORIGINS": ["a.example", "https://*.a.example", "https://a.example/x", "*"],
    "DATABASE_URL": [
        "mysql://db/earshot", "earshot", "postgres://db", "postgres://db/", "postgres://db:x/e",
        "postgres://[::1/e", "sqlite://", "sqlite://:memory:", "sqlite:///:memory:", "sqlite://a/b",
    ],
    "REDIS_URL": [
        "broker", "http://broker", "redis://", "redis://broker:x/0", "redis://broker/zero",
        "redis://one:1/0,two:2/0", "unix://", "redis://broker:99999/0",
    ],
    "EMAIL_URL": ["mail.example", "pigeon://mail.example", "smtp://mail:port", "smtp://"],
    "DEFAULT_FROM_EMAIL": ["nobody", "@example.com", "me@", "a@b c", "a@b.c\nBcc: d@e.f"],
    "EARSHOT_PASSWORD_LINK": [
        "https://app.example/{user}", "app.example/{user}/{token}", "/{user}/{token}", "yes",
        "https://[app.example/{user}/{token}",
    ],
    "HOST": ["http://localhost", "a b", "localhost:80", "a..b"],
    "PORT": ["http", "0", "65536", "-1", "99999", "8000.0", "٣"],
    "EARSHOT_SINGLE_PROCESS": ["one"], "EARSHOT_DEMO": ["demo"],
    "EARSHOT_REQUIRE_SENSITIVITY": ["labels"], "EARSHOT_LEDGER_KEYS": ["short", SECRET],
    "EARSHOT_BROKER_PREFIX": ["a:b", "a b", "x" * 41],
    "EARSHOT_BROKER_KEYS": ["hunter2" * 5, f"{KEY},short", f"{KEY},{KEY}", SECRET],
    "EARSHOT_TLS": ["strict"], "EARSHOT_HSTS_SUBDOMAINS": ["some"], "ENV_FILE": ["/nowhere/at/all"],
    "EARSHOT_LOG_LEVEL": ["loud", "20"], "EARSHOT_LOG": ["xml"],
    "EARSHOT_METRICS_TOKEN": ["two words", "t\xf6ken", "a\nb"],
}  # fmt: skip


def documented() -> set[str]:
    """Each variable in the first column of a table of docs/settings.md, and `ENV_FILE`."""
    document = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| (`[A-Z].*?) \|", document, re.MULTILINE)
    return {"ENV_FILE", *re.findall(r"`([A-Z_]+)`", " ".join(rows))}


def test_nonsense_is_known_of_every_variable() -> None:
    limits = {limit.variable for limit in LIMITS}
    assert documented() - limits == set(NONSENSE)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in NONSENSE.items() for value in values]
)
def test_nonsense_stops_the_start_by_name(load: Load, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        load(**NEEDED | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "hunter2"),
        ("EARSHOT_METRICS_TOKEN", "hunter2 or 3"),
        ("EARSHOT_BROKER_KEYS", "hunter2"),
        ("DATABASE_URL", "mysql://me:hunter2@db/earshot"),
        ("REDIS_URL", "http://:hunter2@broker"),
        ("EMAIL_URL", "smtp://me:hunter2@"),
        ("EMAIL_URL", "smtp://me:hunter2@mail:port"),
    ],
)
def test_refusal_shows_no_secret(load: Load, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name) as caught:
        load(**NEEDED | {name: value})
    shown = traceback.format_exception(caught.value)
    assert "hunter2" not in "".join(line for line in shown if not line.startswith("  "))


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
@pytest.mark.parametrize("value", ["many", "-1", "1e30", "nan"])
def test_nonsense_limit_stops_the_start_by_name(load: Load, limit: Limit, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=limit.variable):
        load(**NEEDED | {limit.variable: value})


SENSE = [
    ("ALLOWED_HOSTS", "*"),
    ("ALLOWED_HOSTS", "a.example, .b.example,10.0.0.1,[::1]"),
    ("CSRF_TRUSTED_ORIGINS", "https://*.a.example,http://localhost:3000"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example:8443,capacitor://localhost"),
    ("DATABASE_URL", "postgresql://me:p%40ss@[::1]:5432/earshot"),
    ("DATABASE_URL", "postgres://%2Frun%2Fpostgresql/earshot"),
    ("REDIS_URL", "redis://:word@broker:6379,rediss://broker/1,unix:///run/valkey.sock"),
    ("DEFAULT_FROM_EMAIL", "Earshot <me@example.com>"),
    ("EARSHOT_PASSWORD_LINK", "myapp://password/{user}/{token}"),
    ("EARSHOT_LOG_LEVEL", "debug"),
    ("DEBUG", "False"),
    ("HOST", "::"),
    ("EARSHOT_BROKER_KEYS", f" {KEY} ,{KEY[::-1]}"),
    ("SECRET_KEY", "$" + SECRET),
]


@pytest.mark.parametrize(("name", "value"), SENSE)
def test_sense_is_taken(load: Load, name: str, value: str) -> None:
    load(**NEEDED | {name: value})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("EARSHOT_TAIL_SECOND", r"; did you mean EARSHOT_TAIL_SECONDS\?$"),
        ("EARSHOT_LOGLEVEL", r"; did you mean EARSHOT_LOG_LEVEL\?$"),
        ("EARSHOT_QQQQ", "remove it.$"),
    ],
)
def test_unknown_variable_of_ours_stops_the_start(load: Load, name: str, meant: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{name} is not a setting.*{meant}"):
        load(**NEEDED | {name: "1"})


def test_unknown_variable_of_the_file_stops_the_start(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARSHOT_PORT", "")  # so that what is read in is undone
    monkeypatch.delenv("EARSHOT_PORT")
    (tmp_path / ".env").write_text(f"SECRET_KEY={SECRET}\nDEBUG=1\nEARSHOT_PORT=1\n")
    with pytest.raises(ImproperlyConfigured, match="EARSHOT_PORT"):
        load(ENV_FILE=str(tmp_path / ".env"))


CONTRADICTIONS = [
    {"EARSHOT_TAIL_SECONDS": "20"},
    {"EARSHOT_PROCESS_LOST_SECONDS": "3"},
    {"EARSHOT_RETRY_MIN_SECONDS": "16"},
    {"EARSHOT_RETRY_MIN_SECONDS": "2", "EARSHOT_RETRY_MAX_SECONDS": "1"},
    {"EARSHOT_PAGE_SIZE": "101"},
]


@pytest.mark.parametrize("values", CONTRADICTIONS)
def test_values_that_contradict_each_other_stop_the_start(
    load: Load, values: dict[str, str]
) -> None:
    with pytest.raises(ImproperlyConfigured, match="must not exceed") as caught:
        load(**NEEDED | values)
    assert all(f"{name} is {value}" in str(caught.value) for name, value in values.items())


def test_short_secret_key_is_for_development_only(load: Load) -> None:
    assert load(DEBUG="1", SECRET_KEY="short")["SECRET_KEY"] == "short"


def test_invalid_limit_stops_the_start_by_name(load: Load) -> None:
    with pytest.raises(ImproperlyConfigured, match="EARSHOT_TAIL_SECONDS"):
        load(**NEEDED, EARSHOT_TAIL_SECONDS="soon")


def test_old_names_of_limits_are_known(load: Load) -> None:
    old = {f"EARSHOT_{name.upper()}": "7" for name in RENAMED}
    limits = load(**NEEDED, **old)["EARSHOT"]
    assert {limits[new] for new in RENAMED.values()} == {7}


def test_every_variable_is_documented() -> None:
    assert settings_variables() <= documented()
    assert "SECRET_KEY" in settings_variables()

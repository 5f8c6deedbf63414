import os
import re
import runpy
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from project import environment
from tenants.limit_names import RENAMED
from tenants.limits import LIMITS, Limit

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the tests, long enough"
KEY = "a key of the tests that is long enough"
NEEDED = {"SECRET_KEY": SECRET, "EARSHOT_SINGLE_PROCESS": "1"}

Load = Callable[..., dict[str, Any]]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Run the settings with these variables and no others, and return what they set."""

    def load(**variables: str) -> dict[str, Any]:
        for name in [*settings_variables(), *filter(re.compile("EARSHOT_").match, os.environ)]:
            monkeypatch.setenv(name, "")  # so that whatever the settings read in is undone
            monkeypatch.delenv(name)
        for name, value in ({"ENV_FILE": os.devnull} | variables).items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "project" / "settings.py"))

    return load


def settings_variables() -> set[str]:
    """Return the name of each variable that the settings read, but for the limits."""
    paths = [ROOT / "project" / name for name in ("settings.py", "environment.py")]
    source = "".join(path.read_text() for path in paths)
    calls = (
        "text|token|keys|flag|hosts?|port|origins|choice|matching|link|sender|secret|[a-z]+_urls?"
    )
    return set(re.findall(rf'\b(?:{calls})\(\s*"([A-Z_]+)"', source))


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


def test_limits_reach_the_settings_that_use_them(load: Load) -> None:
    settings = load(**NEEDED, EARSHOT_TOKEN_HOURS="2", EARSHOT_PROXIES="1")
    assert settings["EARSHOT"]["token_hours"] == 2
    assert settings["REST_KNOX"]["TOKEN_TTL"] == timedelta(hours=2)
    assert settings["REST_FRAMEWORK"]["NUM_PROXIES"] == 1


def test_sqlite_is_the_default_and_lets_readers_read(load: Load) -> None:
    database = load(**NEEDED)["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == str(ROOT / "var" / "earshot.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]


def test_postgres_has_a_pool_and_no_connections_besides(load: Load) -> None:
    url = "postgres://user:pass@db:5433/earshot?sslmode=require"
    settings = load(**NEEDED, DATABASE_URL=url, EARSHOT_DATABASE_CONNECTIONS="7")
    database = settings["DATABASES"]["default"]
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db", 5433, "earshot")
    assert database["OPTIONS"]["sslmode"] == "require"
    assert database["OPTIONS"]["pool"]["max_size"] == 7
    assert database["CONN_MAX_AGE"] == 0


def test_several_brokers_become_shards_that_do_not_wait_for_ever(load: Load) -> None:
    settings = load(SECRET_KEY=SECRET, REDIS_URL="redis://one:1/0, redis://two:2/0")
    layer = settings["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"] == "channels_redis.pubsub.RedisPubSubChannelLayer"
    assert [host["address"] for host in layer["CONFIG"]["hosts"]] == [
        "redis://one:1/0",
        "redis://two:2/0",
    ]
    assert {host["socket_timeout"] for host in layer["CONFIG"]["hosts"]} == {1.0}


def test_mail_goes_where_the_url_says(load: Load) -> None:
    settings = load(**NEEDED, EMAIL_URL="smtp+tls://user:word@mail.example:587")
    names = ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_USE_TLS")
    assert [settings[name] for name in names] == ["mail.example", 587, "user", True]
    assert settings["EMAIL_BACKEND"].endswith("smtp.EmailBackend")


def test_mail_without_a_url_is_printed_in_development_only(load: Load) -> None:
    assert load(**NEEDED)["EMAIL_BACKEND"].endswith("dummy.EmailBackend")
    assert load(DEBUG="1")["EMAIL_BACKEND"].endswith("console.EmailBackend")


def test_password_link_needs_its_parts(load: Load) -> None:
    link = "https://app.example/#{user}/{token}"
    assert load(**NEEDED, EARSHOT_PASSWORD_LINK=link)["PASSWORD_LINK"] == link
    default = load(DEBUG="1", HOST="localhost", PORT="81")["PASSWORD_LINK"]
    assert default == "http://localhost:81/password/#{user}/{token}"
    assert load(**NEEDED)["PASSWORD_LINK"] == ""
    with pytest.raises(ImproperlyConfigured, match="EARSHOT_PASSWORD_LINK"):
        load(**NEEDED, EARSHOT_PASSWORD_LINK="https://app.example/{user}")


def test_demo_is_allowed_in_development_and_where_it_is_asked_for(load: Load) -> None:
    assert load(DEBUG="1")["DEMO"] is True
    assert load(**NEEDED)["DEMO"] is False
    assert load(**NEEDED, EARSHOT_DEMO="1")["DEMO"] is True


def test_tls_is_one_switch(load: Load) -> None:
    plain, secure = load(**NEEDED), load(**NEEDED, EARSHOT_TLS="1")
    names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    assert [plain[name] for name in names] == [False] * 3
    assert [secure[name] for name in names] == [True] * 3
    assert (plain["SECURE_HSTS_SECONDS"], secure["SECURE_HSTS_SECONDS"]) == (0, 31536000)


def test_file_sets_what_the_environment_does_not(load: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "SECRET_KEY=of the file\nPORT=9000\nDEBUG=1\nALLOWED_HOSTS=a,b\n"
    )
    settings = load(ENV_FILE=str(tmp_path / ".env"), PORT="9001")
    assert (settings["SECRET_KEY"], settings["PORT"]) == ("of the file", "9001")
    assert settings["ALLOWED_HOSTS"] == ["a", "b"]


def test_file_beside_the_project_is_read_if_it_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ENV_FILE", "")
    assert environment.file(tmp_path / ".env") is None
    (tmp_path / ".env").touch()
    assert environment.file(tmp_path / ".env") == tmp_path / ".env"


def test_every_variable_is_documented() -> None:
    assert settings_variables() <= documented()
    assert "SECRET_KEY" in settings_variables()

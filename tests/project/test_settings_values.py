"""What the settings make of what they are given."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from project import environment
from tests.project.conftest import NEEDED, ROOT, SECRET, Load


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

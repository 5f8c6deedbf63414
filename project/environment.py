"""The environment's variables, each refused by its name if it makes no sense.

An empty variable counts as absent. Whoever reads one through here also says that there is such a
variable; `check_unknown` refuses the others that begin like ours.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

PREFIX: Final = "EARSHOT_"
SWITCH: Final = {
    **dict.fromkeys(("1", "true", "yes", "on", "y", "t"), True),
    **dict.fromkeys(("0", "false", "no", "off", "n", "f"), False),
}
LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
NAME: Final = re.compile(rf"{LABEL}(\.{LABEL})*\.?", re.IGNORECASE)

_known: set[str] = set()


class InvalidSetting(ImproperlyConfigured):
    """A variable has an invalid value; `text` is omitted where it may hold a secret."""

    def __init__(self, name: str, must: str, text: str | None = None) -> None:
        super().__init__(name, must, text)
        self.name = name
        self.must = must
        self.text = text

    def __str__(self) -> str:
        found = "" if self.text is None else f"; it is {self.text!r}"
        return f"{self.name} must {self.must}{found}."


class UnknownSetting(ImproperlyConfigured):
    """A variable has our prefix but an unknown name; `meant` suggests the closest one."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name)
        self.name = name
        names = sorted(each.removeprefix(PREFIX) for each in known)
        self.meant = get_close_matches(name.removeprefix(PREFIX), names, 1)

    def __str__(self) -> str:
        todo = f"did you mean {PREFIX}{self.meant[0]}?" if self.meant else "remove it."
        return f"{self.name} is not a setting of Earshot; {todo}"


@contextmanager
def told_plainly() -> Iterator[None]:
    """End a command with only the message if its settings are invalid."""
    try:
        yield
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(str(error))


def file(default: Path) -> Path | None:
    """Return the file that `ENV_FILE` names, which must exist, or the default if it exists."""
    name = text("ENV_FILE")
    if name and not Path(name).exists():
        raise InvalidSetting("ENV_FILE", "name an existing file", name)
    return Path(name) if name else default if default.exists() else None


def text(name: str, default: str = "") -> str:
    """Return a variable unchanged."""
    _known.add(name)
    return os.environ.get(name) or default


def flag(name: str, default: bool = False) -> bool:
    """Return a variable that is on or off."""
    found = text(name)
    if not found:
        return default
    if found.lower() not in SWITCH:
        raise InvalidSetting(name, "be 1 or 0 (or true, false, yes, no, on, off)", found)
    return SWITCH[found.lower()]


def choice(name: str, choices: Iterable[str], default: str) -> str:
    """Return a variable that is one of these words, ignoring case."""
    found = text(name, default)
    spelled = {word.lower(): word for word in choices}
    if found.lower() not in spelled:
        raise InvalidSetting(name, f"be one of {', '.join(spelled.values())}", found)
    return spelled[found.lower()]


def words(name: str, check: Callable[[str], bool], must: str, default: str = "") -> list[str]:
    """Return the parts of a comma-separated variable, each of which must pass the check."""
    found = [word for part in text(name, default).split(",") if (word := part.strip())]
    for word in found:
        if not check(word):
            raise InvalidSetting(name, must, word)
    return found


def hosts(name: str, default: str) -> list[str]:
    """Return host names in the form of Django's `ALLOWED_HOSTS`."""
    must = "contain host names, separated by commas, without scheme, port or path"
    return words(name, lambda word: word == "*" or is_host(word.removeprefix(".")), must, default)


def origins(name: str, *, wildcards: bool = False) -> list[str]:
    """Return origins; `wildcards` also allows `https://*.example.com`."""

    def check(word: str) -> bool:
        return is_origin(word.replace("://*.", "://", 1) if wildcards else word)

    return words(name, check, "contain origins, such as https://app.example.com, without a path")


def host(name: str, default: str) -> str:
    """Return an address or host name to listen on."""
    found = text(name, default)
    if not is_host(found):
        raise InvalidSetting(name, "be an address or a host name", found)
    return found


def port(name: str, default: str) -> str:
    """Return a port, as text."""
    found = text(name, default)
    if not (found.isascii() and found.isdecimal() and 0 < int(found) < 65536):
        raise InvalidSetting(name, "be a number from 1 to 65535", found)
    return found


def matching(name: str, pattern: str, must: str, default: str) -> str:
    """Return a variable that matches the whole pattern."""
    found = text(name, default)
    if re.fullmatch(pattern, found) is None:
        raise InvalidSetting(name, must, found)
    return found


def secret(name: str, least: int, default: str = "") -> str:
    """Return a secret of at least `least` characters."""
    found = text(name, default)
    if not found or len(found) < least:
        now = f"it has {len(found)}" if found else "it is not set"
        raise ImproperlyConfigured(
            f"Set {name} to a random text of at least {least} characters; {now}. Generate one: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'. To develop, set "
            "DEBUG=1 instead."
        )
    return found


def token(name: str) -> str:
    """Return a token that clients send in a header, or an empty text."""
    found = text(name)
    if not re.fullmatch("[!-~]*", found):
        raise InvalidSetting(name, "consist of printable ASCII characters without spaces")
    return found


def keys(name: str) -> list[str]:
    """Return secret keys, of which the first encrypts and all decrypt."""
    must = (
        "contain different random texts of at least 32 characters, separated by commas; generate "
        "one: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )
    found = words(name, lambda _: True, must)
    weak = [key for key in found if len(key) < 32 or len(set(key)) < 10]
    if weak or len(set(found)) < len(found) or text("SECRET_KEY") in found:
        raise InvalidSetting(name, must)
    return found


def sender(name: str, default: str) -> str:
    """Return an e-mail address, with or without a display name."""
    found = text(name, default)
    address = parseaddr(found)[1]
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or not re.fullmatch(
        r".*" + re.escape(address) + ">?", found
    ):
        raise InvalidSetting(name, "be an e-mail address, or one like Earshot <me@x.org>", found)
    return found


def database_url(name: str, default: str) -> str:
    """Return a postgres:// or sqlite:/// URL that names a database."""
    found = text(name, default)
    must = "be postgres://user:password@host:port/name or, for a file, sqlite:///path"
    url = split(name, found, must)
    if url.scheme not in {"postgres", "postgresql", "sqlite"} or not url.path.strip("/"):
        raise InvalidSetting(name, must)
    if url.scheme == "sqlite" and (url.netloc or ":memory:" in url.path):
        raise InvalidSetting(name, must)
    return found


def redis_urls(name: str) -> list[str]:
    """Return the URLs of the brokers."""
    must = "contain addresses like redis://host:port/0 (or rediss://, unix://), comma-separated"
    found = words(name, lambda _: True, must)
    for word in found:
        url = split(name, word, must)
        place = url.path if url.scheme == "unix" else url.hostname
        database = url.scheme == "unix" or re.fullmatch(r"/?\d*", url.path)
        if url.scheme not in {"redis", "rediss", "unix"} or not place or not database:
            raise InvalidSetting(name, must)
    return found


def email_url(name: str, default: str) -> str:
    """Return the URL of the mail server."""
    found = text(name, default)
    must = "begin with smtp://, smtp+tls:// or smtp+ssl://, and name a host"
    url = split(name, found, must)
    if url.scheme.startswith("smtp") and not url.hostname:
        raise InvalidSetting(name, must)
    if url.scheme not in {"smtp", "smtp+tls", "smtp+ssl", "smtps", *MAIL_FOR_DEVELOPMENT}:
        raise InvalidSetting(name, must)
    return found


MAIL_FOR_DEVELOPMENT: Final = ("consolemail", "dummymail", "filemail", "memorymail")


def link(name: str, parts: tuple[str, ...], default: str) -> str:
    """Return a web address that contains these parts, or an empty text."""
    found = text(name, default)
    wanted = " and ".join(parts)
    if found and not all(part in found for part in parts):
        raise InvalidSetting(name, f"contain {wanted}", found)
    must = f"be a web address that begins with https:// or http:// and contains {wanted}"
    url = split(name, found, must)
    if found and (not re.fullmatch(r"[a-z][a-z0-9+.-]*", url.scheme) or not url.netloc):
        raise InvalidSetting(name, must, found)
    return found


def split(name: str, found: str, must: str) -> SplitResult:
    """The parts of an address; a port that is no number, or brackets that do not close, fail."""
    try:
        url = urlsplit(found)
        url.port  # noqa: B018 - looked at, it raises
    except ValueError:
        raise InvalidSetting(name, must) from None
    return url


def is_host(word: str) -> bool:
    """Whether it is a host name or an address."""
    try:
        return bool(ip_address(word.removeprefix("[").removesuffix("]")))
    except ValueError:
        return NAME.fullmatch(word) is not None


def is_origin(word: str) -> bool:
    """Whether it is `scheme://host` or `scheme://host:port` and nothing more."""
    try:
        url = urlsplit(word)
        port = url.port
    except ValueError:
        return False
    plain = f"{url.scheme}://{url.netloc}" == word and "@" not in url.netloc
    return plain and bool(url.scheme) and is_host(url.hostname or "") and port != 0


def check_unknown(*others: str) -> None:
    """Raise UnknownSetting for a variable that begins like ours and was not asked for."""
    known = _known | set(others)
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            raise UnknownSetting(name, (each for each in known if each.startswith(PREFIX)))

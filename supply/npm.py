"""`make npm`: the JavaScript client as an npm package, the same bytes for the same sources.

Its core is one file, without comments and needless spaces, and with short names of private fields;
names that anybody sees stay. It is made by Python alone.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import string
import tarfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SOURCES: Final = ROOT / "realtime/static/earshot/client"
OUTPUT: Final = Path("var/npm")
CORE: Final = ("closes.js", "rest.js", "store.js", "connection.js", "index.js")
"""Modules of the core, each after those that it imports."""
BYTES: Final = {
    "index.js": 5 * 1024,
    "stream.js": 1024,
    "react.js": 1024,
    "redux.js": 1536,
    "tanstack.js": 1024,
    "tabs.js": 3072,
    "cache.js": 2560,
}
"""What each module may have, compressed: the core, and what is loaded only where it is needed."""

TOKEN: Final = re.compile(
    r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|/\*.*?\*/|//[^\n]*|\s+|[\w$#]+|.', re.DOTALL
)
IMPORT: Final = re.compile(r'^import [^;]*"\./[^;]*;\n', re.MULTILINE)
SHORTER: Final = {"const": "let", "true": "!0", "false": "!1"}
OUTER: Final = re.compile(r"^(?:const|class|(?:async )?function\*?) ([A-Za-z_]{2,})", re.MULTILINE)
INNER: Final = re.compile(r"\blet (\w{2,})\b(?=[=;]| of\b)|(?<![.#$\w])(\w{2,})=>")
PARAMETERS: Final = re.compile(r"(?<!\bif)(?<!\bfor)(?<!\bwhile)\(([\w,]+)\)(?:\{|=>)")
WORD: Final = re.compile(r"(?:(?<=\.\.\.)|(?<![.#$\w]))[A-Za-z_]{2,}\b")
NAME: Final = re.compile(r"(?<!#)\b[A-Za-z_]\w*")
TEXTS: Final = ('"', "`")
AFTER_FIELDS: Final = (",", "}", ":", "=")
METHODS: Final = {(before, "(") for before in ("{", "}", ";", "get", "async")}
"""What stands around the name of a method; statements that call a function look the same."""
CODE: Final = re.compile(r"\$\{[^}]*\}")
NUMBER: Final = re.compile(r"\blet ([A-Z][A-Z_]+)=([\d._e]+);")
COMMENT: Final = re.compile(r"/\*\*.*?\*/|^ *// .*?$", re.DOTALL | re.MULTILINE)
PRIVATE: Final = re.compile(r"#\w+")


def squeezed(source: str) -> str:
    """Return the source without comments, and with spaces only where words would run together.

    It has no regular expressions, and a semicolon after each statement.
    """
    tokens: list[str] = []
    space = False
    for word in TOKEN.findall(source):
        if word.isspace() or word.startswith(("/*", "//")):
            space = True
            continue
        pair = (tokens[-1][-1] if tokens else " ") + SHORTER.get(word, word)[0]
        if space and (re.fullmatch(r"[\w$#]{2}", pair) or pair in ("++", "--")):
            tokens.append(" ")
        tokens.append(SHORTER.get(word, word))
        space = False
        if "".join(tokens[-2:]) in (";}", ",}", ",)", "0."):
            del tokens[-2]
        elif word == ">" and re.fullmatch(r"[^\w$#]\([\w$]+\)=>", "".join(tokens[-6:])):
            del tokens[-5], tokens[-3]
    return "".join(tokens)


def shortened(source: str) -> str:
    """Return the source with short names of private fields, the shortest for the most frequent."""
    names = PRIVATE.findall(source)
    order = sorted(set(names), key=lambda name: (-names.count(name), name))
    letters = [
        *string.ascii_letters,
        "$",
        "_",
        *(f"{a}{b}" for a in "ab" for b in string.ascii_letters),
    ]
    short = dict(zip(order, letters, strict=False))
    return PRIVATE.sub(lambda match: f"#{short[match[0]]}", source)


def variables(source: str) -> list[str]:
    """Return the names of variables and parameters that a squeezed source declares one by one."""
    parameters = ",".join(PARAMETERS.findall(source)).split(",")
    return [*(name or alone for name, alone in INNER.findall(source)), *parameters]


def fields(source: str) -> set[str]:
    """Return the words of a squeezed source that name fields or methods, or stand in texts."""
    found: set[str] = set()
    open_brackets = [""]
    words = TOKEN.findall(source.replace("...", "+"))  # what is spread is no field
    tokens = ["", *(word for word in words if not word.isspace()), ""]
    for before, word, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if word in "([{":
            open_brackets.append(word)
        elif word in ")]}":
            open_brackets.pop()
        elif word[0] in TEXTS:
            found |= set(NAME.findall(CODE.sub("", word)))
        else:
            in_braces = open_brackets[-1] == "{" and before in ("{", ",") and after in AFTER_FIELDS
            if in_braces or before == "." or (before, after) in METHODS:
                found.add(word)
    return found


def with_short_names(source: str, names: Iterable[str]) -> str:
    """Return the squeezed source with a letter for each of these variables, whose name is nothing
    else besides: no field, no method and no word of a text."""
    count = Counter(WORD.findall(source))
    own = sorted(set(names) - fields(source), key=lambda name: (-count[name], name))
    used = set(NAME.findall(source))
    letters = [*string.ascii_letters, *(f"${letter}" for letter in string.ascii_letters)]
    free = (letter for letter in letters if letter not in used)
    short = dict(zip(own, free, strict=False))
    return WORD.sub(lambda match: short.get(match[0], match[0]), source)


def with_numbers(source: str) -> str:
    """Return the squeezed source with numbers in the place of the constants that stand for them."""
    for declared in NUMBER.finditer(source):
        source = source.replace(declared[0], "", 1)
        source = re.sub(rf"(?<![#.\w$]){declared[1]}\b", declared[2], source)
    return source


def stripped(source: str) -> str:
    """Return a source that has regular expressions without comments and margins."""
    lines = (line.strip() for line in COMMENT.sub("", source).splitlines())
    return "\n".join(filter(None, lines))


def core() -> str:
    """Return the modules of the core as one that exports what `index.js` does."""
    sources = [IMPORT.sub("", (SOURCES / name).read_text()) for name in CORE]
    *inner, index = sources
    source = "\n".join([*(each.replace("\nexport ", "\n") for each in inner), index])
    squeezed_source = with_numbers(shortened(squeezed(source)))
    return with_short_names(squeezed_source, [*OUTER.findall(source), *variables(squeezed_source)])


def files() -> dict[str, str]:
    """Return the package's files by name: the core, and what stands beside it as it is."""
    others = [path for path in sorted(SOURCES.iterdir()) if path.name not in CORE]
    texts = {path.name: path.read_text() for path in [ROOT / "LICENSE", *others]}
    for name in texts:
        if name.endswith(".js"):
            texts[name] = shortened(stripped(texts[name]))
    return {"index.js": core()} | texts


def packed(contents: dict[str, str]) -> bytes:
    """Return the package as npm packs it, without the times of the files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in sorted(contents.items()):
            about = tarfile.TarInfo(f"package/{name}")
            about.size, about.mode = len(text.encode()), 0o644
            archive.addfile(about, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), 9, mtime=0)


def compressed(text: str) -> int:
    """Return how many bytes a text has when it is compressed."""
    return len(gzip.compress(text.encode(), 9, mtime=0))


def main() -> None:
    """Write the package, and say how large its parts are."""
    contents = files()
    about = json.loads(contents["package.json"])
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{about['name']}-{about['version']}.tgz"
    path.write_bytes(packed(contents))
    for name, text in contents.items():
        if name.endswith(".js"):
            print(f"{name:<12} {compressed(text):>6} bytes compressed")
    print(path)


if __name__ == "__main__":
    main()

"""Makes the wheel, of the folders that make up the package, whose imports it rewrites.

In this repository the apps are `tenants`, `permissions` and `realtime`; installed, they are
`earshot.tenants` and so on, so that a project may have apps of these names. It is also pip's build
backend (`pyproject.toml`), and needs nothing but Python. The same files give the same bytes.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import os
import re
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
TOP: Final = "earshot"
FOLDERS: Final = ("tenants", "permissions", "realtime")
CLIENT: Final = "realtime/client/"
"""The client for Python, which is `earshot.client`: whoever imports it needs no app."""
TYPED: Final = "py.typed"
NAMED: Final = re.compile(rf"(?<![\w.])(?:{'|'.join(FOLDERS)})\.[a-z_]\w*")
"""What names a module in a text of the code, where no import finds it."""

BYTES: Final = 768 * 1024
"""What the wheel may have."""
FIRST: Final = 315_532_800
"""The earliest time that a zip file can hold, 1980; SOURCE_DATE_EPOCH sets a later one."""
INIT: Final = '"""Sends each user what they may see: `docs/adopting.md` of the repository."""\n'
RELATIVE: Final = re.compile(r"!?\[([^\]]+)\]\((?!https?:)([^)\s]+)\)")
PICTURE: Final = re.compile(r"<picture>.*?</picture>\n*", re.DOTALL)


class NamedInText(Exception):
    """A text names a module by a path that will not be there."""

    def __init__(self, path: str, line: int, text: str) -> None:
        super().__init__(
            f"{path}:{line}: {text!r} names a module as it is called only in this repository. "
            "Build it from `__package__`, or name the class."
        )


# Imports


def rewritten(source: str, path: str = "<source>") -> str:
    """Return the module with its imports of the folders as imports from the package.

    Lines stay where they are. Raises NamedInText.
    """
    nodes = list(ast.walk(ast.parse(source)))
    _refuse_texts(nodes, path)
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    data = source.encode()
    for node in sorted(found, key=lambda node: -starts[node.lineno - 1] - node.col_offset):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        new = _import(node, data[begin:end].decode())
        data = data[:begin] + new.encode() + data[end:]
    return data.decode()


def _import(node: ast.Import | ast.ImportFrom, text: str) -> str:
    if isinstance(node, ast.ImportFrom):
        if node.level or not _ours(node.module or ""):
            return text
        return re.sub(r"^from(\s|\\\n)+", lambda match: f"{match[0]}{TOP}.", text)
    if not any(_ours(name.name) for name in node.names):
        return text
    return "; ".join(part for name in node.names for part in _plain(name))


def _plain(name: ast.alias) -> Iterator[str]:
    """Yield the statements that bind what `import name` binds."""
    full = f"{TOP}.{name.name}" if _ours(name.name) else name.name
    first, _, rest = name.name.partition(".")
    if name.asname:
        yield f"import {full} as {name.asname}"
    elif not _ours(name.name):
        yield f"import {full}"
    else:
        if rest:
            yield f"import {full}"
        yield f"from {TOP} import {first}"


def _ours(module: str) -> bool:
    return module.split(".")[0] in FOLDERS


def _refuse_texts(nodes: Iterable[ast.AST], path: str) -> None:
    """Raise NamedInText for a text, other than a docstring, that names a module."""
    words = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            match = NAMED.search(node.value)
            if match:
                raise NamedInText(path, node.lineno, match[0])


# What is in it


def place(name: str) -> str:
    """Return where in the package a file of the folders is."""
    return name.removeprefix("realtime/") if name.startswith(CLIENT) else name


def contents(root: Path = ROOT) -> dict[str, bytes]:
    """Return the files of the import package, by their paths."""
    found = {f"{TOP}/__init__.py": INIT.encode(), f"{TOP}/{TYPED}": b""}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            data = path.read_bytes()
            is_code = path.suffix == ".py"
            data = rewritten(data.decode(), name).encode() if is_code else data
            found[f"{TOP}/{place(name)}"] = data
    return found


def description(readme: str) -> str:
    """Return the readme as an index shows it, where neither pictures nor other pages are beside."""
    return RELATIVE.sub(lambda m: m[1] if m[2].startswith("#") else f"{m[1]} (`{m[2]}`)",
                        PICTURE.sub("", readme))  # fmt: skip


def metadata(project: Mapping[str, Any], readme: str) -> str:
    """Return the core metadata of a `[project]` table."""
    fields = [
        ("Metadata-Version", "2.4"),
        ("Name", project["name"]),
        ("Version", project["version"]),
        ("Summary", project["description"]),
        *(("Author", author["name"]) for author in project["authors"]),
        ("License-Expression", project["license"]),
        *(("License-File", name) for name in project["license-files"]),
        ("Keywords", ",".join(project["keywords"])),
        *(("Classifier", name) for name in project["classifiers"]),
        *(("Project-URL", f"{name}, {url}") for name, url in project.get("urls", {}).items()),
        ("Requires-Python", project["requires-python"]),
        *(("Requires-Dist", needed) for needed in project["dependencies"]),
    ]
    for extra, needs in project["optional-dependencies"].items():
        fields.append(("Provides-Extra", extra))
        fields += [("Requires-Dist", f'{needed}; extra == "{extra}"') for needed in needs]
    fields.append(("Description-Content-Type", "text/markdown; charset=UTF-8"))
    head = "".join(f"{name}: {value}\n" for name, value in fields)
    return f"{head}\n{description(readme)}"


def write(folder: Path, root: Path = ROOT) -> Path:
    """Write the wheel into the folder, and return its path."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    stem = f"{project['name'].replace('-', '_')}-{project['version']}"
    info = f"{stem}.dist-info"
    files = contents(root)
    files |= {f"{info}/licenses/{n}": (root / n).read_bytes() for n in project["license-files"]}
    files[f"{info}/METADATA"] = metadata(project, (root / project["readme"]).read_text()).encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: earshot\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-py3-none-any.whl"
    moment = time.gmtime(max(FIRST, int(os.environ.get("SOURCE_DATE_EPOCH", FIRST))))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, moment[:6])
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    return path


def _record(files: Mapping[str, bytes], own: str) -> bytes:
    """Return the list of the files, with their digests and sizes."""

    def line(name: str, data: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        return f"{name},sha256={digest},{len(data)}\n"

    return ("".join(line(*pair) for pair in files.items()) + f"{own},,\n").encode()


# What pip calls


def build_wheel(wheel_directory: str, *_: object, **__: object) -> str:
    """Write the wheel there, and return its name."""
    return write(Path(wheel_directory)).name


build_editable = build_wheel
"""A copy too: the package is not importable where it lies. Install it again after a change."""


if __name__ == "__main__":
    path = write(Path(sys.argv[1]))
    print(f"{path}: {path.stat().st_size} bytes")

"""Prints the frames of a socket, for people who debug.

    TOKEN=… python -m earshot.client wss://… --tenant acme --model resources.document --id …

Without `--id` it opens a window. It comes back as the close codes ask for, and ends with Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Literal

from .client import Earshot, LiveList, LiveObject, Stopped, connect
from .connection import Frame, Status

TOKEN = "TOKEN"  # noqa: S105 - the name of a variable


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}", description=f"Print frames. ${TOKEN} is the token."
    )
    parser.add_argument("url", help="of the socket, such as wss://example.org/ws/")
    parser.add_argument("--tenant", help="its slug; needed by members of several")
    parser.add_argument("--model", default="resources.document")
    parser.add_argument("--id", help="one object; without it, a live list")
    parser.add_argument(
        "--where", type=filters, help='a filter of the list, such as {"status": "draft"}'
    )
    parser.add_argument("--limit", type=int, help="rows of the list")
    return parser.parse_args(argv)


def filters(text: str) -> dict[str, Any]:
    """Return the filters that a text spells."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError("must be an object of fields and values")
    return found


def show_frame(frame: Frame, direction: Literal["in", "out"]) -> None:
    """Print a frame, with an arrow."""
    arrow = "<" if direction == "in" else ">"
    sys.stdout.write(f"{arrow} {json.dumps(frame, ensure_ascii=False)}\n")
    sys.stdout.flush()


def show_status(status: Status) -> None:
    """Print what becomes of the connection, beside the frames."""
    code = "" if status.code is None else f" {status.code}"
    delay = "" if status.delay is None else f", again in {status.delay:.1f} s"
    sys.stderr.write(f"# {status.state}{code}{delay}\n")


def wanted(earshot: Earshot, args: argparse.Namespace) -> LiveObject | LiveList:
    """Return what the command line asks for."""
    if args.id:
        return earshot.object(args.model, args.id)
    return earshot.collection(args.model, where=args.where, limit=args.limit)


async def show(args: argparse.Namespace) -> None:
    """Print frames until the server closes for good."""
    async with connect(
        args.url, tenant=args.tenant, credentials=os.environ.get(TOKEN), on_frame=show_frame,
        on_status=show_status,
    ) as earshot:  # fmt: skip
        with contextlib.suppress(Stopped):
            async for _ in wanted(earshot, args):
                pass


def main(argv: Sequence[str]) -> None:
    """Run the command."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(show(arguments(argv)))


if __name__ == "__main__":  # pragma: no cover - the tests call `main`
    main(sys.argv[1:])

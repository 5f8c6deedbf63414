"""A flood of requests: `python -m bench.flood PORT`, a process of its own.

It reads one JSON line, `{"path", "bodies", "headers", "at_once", "pause"}`, keeps so many requests
in flight until its input ends, and then says how often it was answered what. Bodies and headers are
taken in turn. After a refusal a thread waits as long as it was told, but no longer than `pause`.
"""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import threading
import time
from collections import Counter
from typing import Any

SECONDS = 60


def keep_asking(port: int, order: dict[str, Any], number: int, answers: Counter[str]) -> None:
    """Ask again and again, for ever."""
    bodies = itertools.cycle(order["bodies"][number:] + order["bodies"][:number])
    headers = itertools.cycle(order["headers"][number:] + order["headers"][:number])
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        try:
            more = {"Content-Type": "application/json", **next(headers)}
            connection.request("POST", order["path"], json.dumps(next(bodies)), more)
            answer = connection.getresponse()
            answer.read()
            answers[str(answer.status)] += 1
            wait = float(answer.getheader("Retry-After") or 0)
        except OSError as error:
            answers[type(error).__name__] += 1
            wait = order["pause"]
        finally:
            connection.close()
        time.sleep(min(wait, order["pause"]))


def main(port: int) -> None:
    order = json.loads(sys.stdin.readline())
    answers: Counter[str] = Counter()
    for number in range(order["at_once"]):
        arguments = (port, order, number, answers)
        threading.Thread(target=keep_asking, args=arguments, daemon=True).start()
    sys.stdin.read()
    print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))

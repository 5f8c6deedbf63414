"""`python -m bench.soak`: starts everything, breaks it for a while, judges, and ends it all."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
import time
from pathlib import Path

from tests.servers import Postgres, Valkey, running

SECONDS = float(os.environ.get("SECONDS") or 120)
SOCKETS = int(os.environ.get("SOCKETS") or 300)
SEED = int(os.environ.get("SEED") or random.randrange(10**6))
LOGS = Path("var/soak")


def main() -> int:
    """0 if all that must be 0 is."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(f"{SECONDS:g} s, {SOCKETS} sockets, SEED={SEED}", flush=True)
    with running(Postgres) as postgres, running(Valkey) as valkey:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
        }
        import django

        django.setup()
        LOGS.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=LOGS / "soak.log", filemode="w", force=True)
        from django.core.management import call_command

        from bench.soak.faults import chosen
        from bench.soak.fleet import Fleet
        from bench.soak.run import Soak

        faults = chosen(os.environ.get("FAULTS", ""))
        call_command("migrate", verbosity=0)
        fleet = Fleet(LOGS)
        with fleet.running():
            began = time.monotonic()
            soak = Soak(fleet, postgres, valkey, SOCKETS, SEED, faults)
            passed = asyncio.run(soak.run(SECONDS))
            print(f"\n{time.monotonic() - began:.0f} s; {'passed' if passed else 'FAILED'}")
    return 0 if passed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("Interrupted: all that it started has ended.")

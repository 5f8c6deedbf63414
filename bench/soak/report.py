"""The table that a soak prints, and whether all that must be 0 is 0."""

from __future__ import annotations

from math import inf

from bench.soak.convergence import Convergence
from bench.soak.history import History
from bench.soak.verdict import Verdict, percentile


def report(
    history: History, checks: list[Convergence], tail_seconds: float, differing: int
) -> bool:
    """Print it; whether the soak was passed."""
    verdict = Verdict(history)
    leaks = verdict.leaks()
    missed = [line for check in checks for line in check.missed]
    unequal = [line for check in checks for line in check.unequal]
    must_be_zero = {
        "leaked bytes": sum(receipt.size for receipt in leaks),
        "frames that went back to an older value": verdict.went_back(),
        "copies not converged within the tail period": len(missed),
        "windows unequal to the list": len(unequal),
        "frames that clients could not obey": len(history.disobeyed),
        "delivered frames that differ from REST": differing,
        "errors seen by writers, but for dead servers and database": len(verdict.blameworthy()),
    }
    counts = history.counts
    rows = {name: f"{counts[name]:,}" for name in ("changes", "access changes", "frames", "bytes")}
    rows["faults"] = f"{len(history.windows)}"
    rows["copies compared with REST"] = f"{sum(check.checked for check in checks):,}"
    rows["windows compared with the list"] = f"{sum(check.windows for check in checks):,}"
    rows["tail period, and the last copy to move after it began"] = (
        f"{tail_seconds:g} s, {max((c.seconds for c in checks), default=0.0):.2f} s"
    )
    rows["longest wait for sockets to be back"] = (
        f"{max((c.reconnected for c in checks), default=0.0):.1f} s"
    )
    rows |= {name: f"{n:,}" for name, n in sorted(counts.items()) if name not in rows}
    rows |= {f"errors of writers: {k or 'no fault'}": f"{n:,}" for k, n in verdict.errors().items()}
    print("\n| what | how much |\n|---|---|")
    for name, text in rows.items():
        print(f"| {name} | {text} |")
    for name, number in must_be_zero.items():
        print(f"| **{name}** (must be 0) | {number:,} |")
    print_deliveries(verdict)
    told = print_silences(verdict)
    for line in [
        *missed[:10],
        *unequal[:10],
        *history.disobeyed[:10],
        *(f"leak: {leak}" for leak in leaks[:10]),
    ]:
        print(line)
    for failure in verdict.blameworthy()[:10]:
        print(f"error during {history.fault_at(failure.began, failure.ended)}: {failure.what}")
    return told and not any(must_be_zero.values())


def print_deliveries(verdict: Verdict) -> None:
    """From a commit to each socket, by tenant: some faults are one tenant's doing."""
    found = verdict.deliveries()
    print("\n| commit to frame | tenant | frames | p50 | p99 | max |\n|---|---|---|---|---|---|")
    for tenant, name in sorted(found, key=lambda key: (key[1] or "", key[0])):
        figures = _milliseconds(found[tenant, name])
        print(f"| {name or 'no fault'} | {tenant} | {len(found[tenant, name])} | {figures} |")


def _milliseconds(found: list[float]) -> str:
    """Their median, their 99th percentile and the longest."""
    shown = (percentile(found, 0.5), percentile(found, 0.99), max(found))
    return " | ".join(f"{seconds * 1000:,.0f} ms" for seconds in shown)


def print_silences(verdict: Verdict) -> bool:
    """From a loss of access to silence; whether everybody was told."""
    silences = verdict.silences()
    print("\n| revoke to silence | losses seen | p50 | p99 | max |\n|---|---|---|---|---|")
    for name in sorted(silences, key=lambda name: name or ""):
        found = silences[name]
        print(f"| {name or 'no fault'} | {len(found)} | {_milliseconds(found)} |")
    return all(seconds < inf for found in silences.values() for seconds in found)

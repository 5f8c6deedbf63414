"""A rule of the code, undone: what `make mutants` puts there, and the test that notices."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A rule, the code that keeps it, what stands there without it, and the test that notices;
    `served` tests need PostgreSQL."""

    rule: str
    file: str
    code: str
    without: str
    test: str
    served: bool = False

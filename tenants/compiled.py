"""Query sets whose SQL is written once, and asked again with other values.

Django writes a statement anew each time it is asked, which takes longer than to have it answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from copy import copy
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, Field, IntegerField, QuerySet

from tenants.keys import parameters

AMONG: Final = {
    "postgresql": "(SELECT unnest(%s::{type}[]))",
    "sqlite": "(SELECT value FROM json_each(%s))",
}
"""One parameter for any number of keys, as the text stays the same."""

IN: Final = re.compile(r"IN \(SELECT unnest\((%s::[^\[]+\[\])\)\)")


class Parameter(Expression):
    """Stands in a query set for a value that is given when it is asked."""

    def __init__(self, name: str, kind: Field[Any, Any] | None = None) -> None:
        super().__init__(kind)
        self.name = name
        self.kind = kind

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return a placeholder, with this in the place of its value."""
        return "%s", (self,)

    def bound(self, value: Any, connection: Any) -> Any:
        """Return the value as the database takes it."""
        if self.kind is None:
            return value
        return self.kind.get_db_prep_value(value, connection)


class Among(Parameter):
    """Stands for any number of values of a field, in a condition `__in`."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return a subquery for the values."""
        assert self.kind is not None
        column = self.kind.rel_db_type(connection)
        return AMONG[connection.vendor].format(type=column), (self,)

    def bound(self, value: Collection[Any], connection: Any) -> Any:
        """Return the values as one parameter; integers need no preparation of each."""
        assert self.kind is not None
        if not isinstance(self.kind, IntegerField):
            value = [self.kind.get_db_prep_value(each, connection) for each in value]
        return parameters(value, connection.vendor)


Written = tuple[QuerySet[Any], Any, str, tuple[Any, ...], Any]
"""A query set with its compiler, the text and parameters that this has made, and what converts the
values of its columns."""


class Compiled:
    """A query set of `Parameter`s; whatever else it holds stays as it is when first asked."""

    def __init__(self, build: Callable[[], QuerySet[Any]]) -> None:
        self._build = build
        self._made: Written | None = None

    def __call__(self, **values: Any) -> list[Any]:
        """Return what the query set gives with these values, by the parameters' names."""
        rows, compiler, text, parameters, converters = self._made or self.write()
        connection = connections[DEFAULT_DB_ALIAS]
        bound = tuple(
            each.bound(values[each.name], connection) if isinstance(each, Parameter) else each
            for each in parameters
        )
        asked = copy(compiler)
        asked.connection = connection
        asked.as_sql = lambda *_, **__: (text, bound)
        asked.get_converters = lambda _: converters
        return list(_with_compiler(rows, asked))

    def write(self) -> Written:
        """Write the statement now; raise what the query set raises."""
        rows = self._build()
        compiler = rows.query.get_compiler(DEFAULT_DB_ALIAS)
        text, parameters = compiler.as_sql()
        text = by_any(text)
        columns = [column for column, *_ in compiler.select[: compiler.col_count]]
        self._made = rows, compiler, text, parameters, compiler.get_converters(columns)
        return self._made


def by_any(text: str) -> str:
    """Return the statement with PostgreSQL's `= ANY` of an array, for which Django has no word: it
    looks in an index for all keys together, where it would join the rows of a subquery."""
    return IN.sub(r"= ANY(\1)", text)


def _with_compiler(rows: QuerySet[Any], compiler: Any) -> QuerySet[Any]:
    """Return a copy of the query set, which asks by this compiler."""
    query: Any = copy(rows.query)
    query.get_compiler = lambda *_, **__: compiler
    copied: QuerySet[Any] = object.__new__(type(rows))
    # To set `query` would make dictionaries of tuples.
    copied.__dict__.update(rows.__dict__, _query=query)
    return copied

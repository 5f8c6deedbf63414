"""One statement that counts who would be in another audience if a fact were different.

It applies the decision's rule (`permissions.decision`) to relations: to the stored ones, and to
the supposed ones. The database counts, so that only the answer is held in memory. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.contrib.contenttypes.models import ContentType

from permissions.audiences import Resource
from permissions.links import links
from permissions.review import open_lists
from permissions.review.facts import Compared, Facts, Question, stored
from permissions.rows import Listed, listed
from permissions.statements import column_of, link_names, names_of, visible_where, with_keys
from tenants import keys
from tenants.keys import converter
from tenants.models import Role
from tenants.roles import group_name

DIFFERENCE: Final = """
, side(user_id, pk, had, has) AS ({sides}), moved AS (
    SELECT user_id, pk, MIN(had) AS before, MIN(has) AS later FROM side
    GROUP BY user_id, pk HAVING COALESCE(MIN(had), -1) <> COALESCE(MIN(has), -1))
SELECT 'moves', before, later, COUNT(*), COUNT(DISTINCT user_id), {no_user}, COUNT(DISTINCT pk),
    {no_object}
FROM moved GROUP BY before, later
UNION ALL SELECT 'all', NULL, NULL, COUNT(*), COUNT(DISTINCT user_id), NULL, COUNT(DISTINCT pk),
    NULL
FROM moved
UNION ALL SELECT 'lists', NULL, NULL, 0, COUNT(DISTINCT user_id), NULL, 0, NULL
FROM moved WHERE user_id IN ({watching})
UNION ALL SELECT * FROM (
    SELECT 'pair', before, later, 0, 0, user_id, 0, pk
    FROM moved ORDER BY user_id, pk LIMIT %(listed)s) x
"""


SIDE: Final = "SELECT w.user_id, w.pk, {ranks} FROM ({ways}) w"
HOLDER: Final = """
SELECT m.user_id, o.pk, {rank} AS rank FROM {objects} o JOIN {members} m ON m.user_id = o.{column}
"""
LINKED: Final = """
SELECT m.user_id, o.pk, {rank} AS rank
FROM {objects} o JOIN {link} l ON l.{object} = o.pk JOIN {members} m ON m.user_id = l.{user}
"""
LISTED: Final = """
SELECT m.user_id, o.pk, {rank} AS rank
FROM {objects} o JOIN {table} t ON t.{key} = o.pk {having} JOIN {members} m ON m.user_id = {user}
"""
OWN: Final = """
SELECT m.user_id, o.pk, {granted_rank} AS rank
FROM {own} g JOIN {objects} o ON o.pk = g.pk JOIN {members} m ON m.user_id = g.user_id
"""
TO_ROLE: Final = """
SELECT m.user_id, o.pk, {granted_rank} AS rank
FROM {granted} g JOIN {objects} o ON o.pk = g.pk JOIN {members} m ON g.name = %(roles)s || m.role
"""
TO_GROUP: Final = """
SELECT m.user_id, o.pk, {granted_rank} AS rank
FROM {granted} g JOIN {objects} o ON o.pk = g.pk
JOIN {joined} j ON j.name = g.name JOIN {members} m ON m.user_id = j.user_id
WHERE g.name NOT IN ({role_names})
"""
ROLE: Final = """
SELECT m.user_id, o.pk, {role_rank} AS rank
FROM {members} m CROSS JOIN {objects} o WHERE {role_rank} IS NOT NULL
"""
"""The ways to an audience, each with its rank among the declared ones."""

RELATIONS: Final = ("members", "objects", "own", "granted", "joined")


class Difference:
    """Builds and runs the statement for one resource of a tenant."""

    def __init__(self, resource: Resource, tenant_id: int, connection: Any) -> None:
        concrete: Any = resource.model._meta.concrete_model
        self.connection = connection
        self.model = concrete
        self.names = stored(resource, names_of(resource, connection), connection)
        self.parameters: dict[str, Any] = {
            "tenant": tenant_id,
            "type": ContentType.objects.get_for_model(concrete).pk,
            "label": resource.label,
            "roles": group_name(tenant_id, ""),
            **{f"role_{role}": group_name(tenant_id, role) for role in Role.values},
        }
        self.relations: list[str] = []
        self.sides: list[str] = []

    def run(self, question: Question, listed: int) -> list[tuple[Any, ...]]:
        """Return what moves: counts by audience before and later, in all, and some of the pairs."""
        for compared in question.compared:
            self._compare(compared)
        text = f"WITH {', '.join(self.relations)}"
        text += DIFFERENCE.format(
            sides=" UNION ALL ".join(self.sides),
            no_user=self.names["no_user"],
            no_object=self.names["no_object"],
            watching=open_lists.statement().format(no_user=self.names["no_user"]),
        )
        parameters = {**self.parameters, **question.parameters, "listed": listed}
        with self.connection.cursor() as cursor:
            cursor.execute(text, parameters)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        rows = with_keys(rows, 5, converter(keys.users(), self.connection))
        return with_keys(rows, 7, converter(self.model, self.connection))

    def _compare(self, compared: Compared) -> None:
        nothing = "CAST(NULL AS INTEGER)"
        for facts, ranks in (
            (compared.before, f"w.rank, {nothing}"),
            (compared.later, f"{nothing}, w.rank"),
        ):
            ways = " UNION ALL ".join(self._ways(facts, len(self.sides)))
            self.sides.append(SIDE.format(ranks=ranks, ways=ways))

    def _ways(self, facts: Facts, number: int) -> Iterator[str]:
        """Yield every permission that somebody holds, as in the decision, by its rank."""
        names = self._relations(facts, number)
        codes = {
            name: facts.resource.permissions.index(name) for name in facts.resource.permissions
        }
        names["granted_rank"] = self._ranked("g.codename", codes, f"code{number}_")
        names["role_names"] = ", ".join(f"%(role_{role})s" for role in Role.values)
        for link in links(facts.resource):
            of = link_names(link, self.connection)
            yield LINKED.format(rank=_rank(facts.resource, link.audience), **of, **names)
        for each in listed(facts.resource):
            places = {a.name: _rank(facts.resource, a.name) for a in each.given}
            rows, through = (
                facts.rows.get(each.number, ""),
                _in_groups(each, {**self.names, **names}),
            )
            having = each.joined("t", self.connection.vendor, rows, through)
            own = {"table": self.names["objects"], "key": each.key, "having": having}
            yield LISTED.format(rank=each.which(places), user=each.user, **own, **names)
        for place, name in enumerate(facts.resource.named.values()):
            rank = _rank(facts.resource, name)
            yield HOLDER.format(rank=rank, column=f"holder{place}", **names)
        for way in (OWN, TO_ROLE, TO_GROUP):
            yield way.format(**names)
        if facts.resource.roles:
            ranks = {r: _rank(facts.resource, name) for r, name in facts.resource.roles.items()}
            role_rank = self._ranked("m.role", ranks, f"default{number}_")
            yield ROLE.format(role_rank=role_rank, **names)

    def _relations(self, facts: Facts, number: int) -> dict[str, str]:
        """Return the names of the facts' relations, after writing them into the statement."""
        visible = visible_where(facts.resource, self.connection, self.parameters)
        holders = enumerate(facts.resource.named)
        columns = "".join(
            f", o.{column_of(facts.resource, self.connection, name)} AS holder{n}"
            for n, name in holders
        )
        source = facts.source.format_map(self.names)
        more = {"columns": columns, "visible": visible}
        for name in RELATIONS:
            names = self.names | more | ({"objects": source} if name == "objects" else {})
            text = getattr(facts, name).format_map(names)
            self.relations.append(f"{name}{number} AS ({text})")
        return {name: f"{name}{number}" for name in RELATIONS}

    def _ranked(self, column: str, ranks: dict[str, int], key: str) -> str:
        """Return SQL for the rank of what a column names, or NULL."""
        self.parameters |= {f"{key}{n}": name for n, name in enumerate(ranks)}
        cases = (f"WHEN %({key}{n})s THEN {rank}" for n, rank in enumerate(ranks.values()))
        return f"CASE {column} {' '.join(cases)} END"


def _in_groups(each: Listed, names: Mapping[str, str]) -> str:
    """Return who is in which of Django's groups, by the facts; empty if teams are no groups."""
    if not each.has_groups:
        return ""
    group, user = each.in_team
    return (
        f'(SELECT j.user_id AS "{user}", n.id AS "{group}" FROM {names["joined"]} j'  # noqa: S608 - the models' own names
        f" JOIN {names['groups']} n ON n.name = j.name)"
    )


def _rank(resource: Resource, name: str) -> int:
    return resource.permissions.index(resource.declared(name).permission)

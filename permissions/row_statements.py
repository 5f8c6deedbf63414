"""What rows of the project's own add to the statements of the decision, of lists and predictions.

In the decision, a row that names a user and an object is like a grant to the user. Others are in
two halves, as users times objects would be many: what users have in common, such as a team, and
which objects have it. Both begin their name with the number of the rows; the half whose rows say
so has the place of the audience.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from django.db import connection

from permissions.audiences import Audience, Resource
from permissions.rows import Listed, listed
from tenants.keys import Key, parameter

OWN: Final = """
SELECT 'own', {user}, {object}, {no_group}, {permission}
FROM {rows} r WHERE {user} {in_users} AND {at} AND {permission} IS NOT NULL
"""
IN: Final = """
SELECT 'in', {user}, {no_object}, {no_group}, {name}
FROM {rows} r WHERE {user} {in_users} AND {name} IS NOT NULL AND EXISTS (
    SELECT 1 FROM {objects} o WHERE o.{key} {in_objects} AND o.{of} = {about})
"""
ON: Final = """
SELECT 'on', {no_user}, o.{key}, {no_group}, {name}
FROM {objects} o WHERE o.{key} {in_objects} AND o.{of} IS NOT NULL
"""
IN_TEAM: Final = """
SELECT 'in', {user}, {no_object}, {no_group}, {name}
FROM {through} j WHERE {user} {in_users} AND EXISTS (
    SELECT 1 FROM {rows} r WHERE {team} = {of_user} AND {at})
"""
OF_TEAM: Final = """
SELECT 'on', {no_user}, {object}, {no_group}, {name}
FROM {rows} r WHERE {at} AND {name} IS NOT NULL
"""


def parts(resource: Resource, names: Mapping[str, str], vendor: str) -> Iterator[str]:
    """Yield the parts of the decision's statement."""
    for each in listed(resource):
        if each.rows.of:
            yield from _of_members(each, names)
        elif each.rows.members:
            yield from _of_teams(each, names, vendor)
        else:
            permissions = {a.name: f"'{a.permission}'" for a in each.given}
            yield OWN.format(
                **{**names, **_own(each)},
                user=each.user,
                object=each.object(vendor),
                at=each.at(names, vendor),
                permission=each.which(permissions),
            )


def _of_members(each: Listed, names: Mapping[str, str]) -> Iterator[str]:
    own = {**names, **_own(each), "of": f'"{each.of}"'}
    about = each.value(each.common)
    placed = each.which(_names(each, each.spelled(about)))
    yield IN.format(**own, user=each.user, about=about, name=placed)
    of = each.spelled(f'o."{each.of}"')
    yield ON.format(**own, name=f"'{each.number}  ' || {of}")


def _of_teams(each: Listed, names: Mapping[str, str], vendor: str) -> Iterator[str]:
    of_user, own = f'j."{each.in_team[0]}"', {**names, **_own(each)}
    team, at = each.value(each.common), each.at(names, vendor)
    through = f'"{each.through._meta.db_table}"'
    name = f"'{each.number}  ' || {each.spelled(of_user)}"
    in_team = {"through": through, "of_user": of_user, "team": team}
    yield IN_TEAM.format(**own, **in_team, user=each.user, at=at, name=name)
    placed = each.which(_names(each, each.spelled(team)))
    yield OF_TEAM.format(**own, object=each.object(vendor), at=at, name=placed)


def _own(each: Listed) -> dict[str, str]:
    return {"rows": f'"{each.table}"'}


def _names(each: Listed, key: str) -> dict[str, str]:
    """Return the names of a half that says which audience its rows give."""
    places = enumerate(each.resource.audiences)
    return {a.name: f"'{each.number} {place} ' || {key}" for place, a in places}


SUPPOSED: Final = """(
SELECT {columns} FROM {rows} x WHERE NOT (x.{who} = %(user)s AND EXISTS (
    SELECT 1 FROM {objects} o WHERE o.{key} = %(object)s AND {about}))"""
ONE_MORE: Final = """
UNION ALL SELECT {values} FROM {objects} o WHERE o.{key} = %(object)s"""


def supposed(each: Listed, audience: Audience | None, vendor: str) -> str:
    """Return what the rows would be if the only one that names this object, or what it refers to,
    and this user or team gave this audience; None: if there were none."""
    values = each.supposed(audience, vendor)
    names = {
        **_own(each),
        "objects": f'"{each.resource.model._meta.db_table}"',
        "key": each.key,
        "who": f'"{each.column(each.rows.user)}"',
        "about": each.is_about("o", vendor, "x"),
        "columns": ", ".join(f'x."{column}"' for column in values),
        "values": ", ".join(values.values()),
    }
    return f"{SUPPOSED if audience is None else SUPPOSED + ONE_MORE})".format(**names)


def held(each: Listed, audience: Audience, whose: str, key: str, vendor: str) -> str:
    """Return the condition that the user has this audience of the object (o) by these rows, as a
    list of keys, by which a list can begin."""
    real = f'"{each.resource.model._meta.db_table}"'
    return (
        f"{key} IN (SELECT x.{each.key} FROM {real} x {each.joined('x', vendor)}"  # noqa: S608 - the models' own names
        f" WHERE {each.user} = {whose} AND {each.level(audience)})"
    )


def not_held(each: Listed, audience: Audience, whose: str, key: str, vendor: str) -> str:
    """Return the condition that they have not."""
    real = f'"{each.resource.model._meta.db_table}"'
    return (
        f"NOT EXISTS (SELECT 1 FROM {real} x {each.joined('x', vendor)}"  # noqa: S608 - the models' own names
        f" WHERE x.{each.key} = {key} AND {each.user} = {whose} AND {each.level(audience)})"
    )


def given(each: Listed, user_id: Key, pk: Key) -> list[Audience]:
    """Return the audiences of an object that these rows give the user."""
    real, vendor = f'"{each.resource.model._meta.db_table}"', connection.vendor
    places = {a.name: each.resource.audiences.index(a) for a in each.given}
    text = (
        f"SELECT {each.which(places)} FROM {real} o {each.joined('o', vendor)}"  # noqa: S608 - names
        f" WHERE o.{each.key} = %s AND {each.user} = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(text, [parameter(pk, connection), parameter(user_id, connection)])
        found = {place for (place,) in cursor.fetchall() if place is not None}
    return [each.resource.audiences[place] for place in sorted(found)]

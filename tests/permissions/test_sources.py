"""Where grants are stored: as guardian finds it, or as a declaration says."""

from __future__ import annotations

from guardian.models import GroupObjectPermission, UserObjectPermission

from permissions.audiences import Resource
from permissions.sources import AsGuardian, Direct, Generic
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant
from tests.keyed.models import Sheet


def models(*sources: AsGuardian | Direct | Generic, of: type = Document) -> list[type]:
    resource = Resource(model=of, audiences=(), sources=sources)
    return [table.model for table in resource.grant_tables]


def test_sources_name_their_tables_in_their_order() -> None:
    direct, generic = (
        [DocumentUserGrant, DocumentGroupGrant],
        [UserObjectPermission, GroupObjectPermission],
    )
    assert models(AsGuardian()) == models(Direct()) == models(Direct(), AsGuardian()) == direct
    assert models(Generic()) == generic
    assert models(Generic(), Direct()) == [*generic, *direct]
    assert models(AsGuardian(), of=Sheet) == generic
    assert models(Direct(), of=Sheet) == []


def test_first_of_each_kind_is_written() -> None:
    resource = Resource(model=Document, audiences=(), sources=(Generic(), Direct()))
    assert [t.model for t in resource.user_tables] == [UserObjectPermission, DocumentUserGrant]
    assert [t.model for t in resource.group_tables] == [GroupObjectPermission, DocumentGroupGrant]

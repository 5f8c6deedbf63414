import pytest

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.models import AccessChange, AccessRevision
from tests.permissions.conftest import Log
from tests.world import World

DOCUMENT = "resources.document"


def test_touches_are_logged_once_each_with_their_cause(place: World) -> None:
    tenant = place.tenants["acme"].pk
    log = Log(tenant)
    touches = [Touch(1), Touch(None, DOCUMENT, 2), Touch(1, DOCUMENT, 2), Touch(), Touch(1)]
    accesslog.record(tenant, touches, "why")
    assert log.new() == [(1, None, None), (None, DOCUMENT, 2), (1, DOCUMENT, 2), (None, None, None)]
    assert set(log.new("cause")) == {("why",)}


def test_nothing_touched_is_nothing_logged(place: World) -> None:
    log = Log(place.tenants["acme"].pk)
    accesslog.record(log.tenant_id, [], "why")
    assert log.new() == []


def test_revision_of_a_tenant_without_changes_is_zero(db: None) -> None:
    assert accesslog.revision(987654) == 0
    assert accesslog.revisions([987654, 987655]) == {987654: 0, 987655: 0}
    assert accesslog.revisions([]) == {}


def test_revisions_of_several_tenants(world: World) -> None:
    acme, globex = (world.tenants[slug].pk for slug in ("acme", "globex"))
    before = accesslog.revisions([acme, globex])
    accesslog.record(acme, [Touch(1)], "why")
    assert accesslog.revisions([acme, globex]) == {
        acme: before[acme] + 1,
        globex: before[globex],
    }


@pytest.fixture
def numbered(place: World) -> int:
    """A tenant whose log begins at revision 11: (user 1), (user 1, user 2), (anybody)."""
    tenant = 987654
    AccessRevision.objects.create(tenant_id=tenant, revision=13)
    for revision, user in [(11, 1), (12, 1), (12, 2), (13, None)]:
        AccessChange.objects.create(tenant_id=tenant, revision=revision, user_id=user, cause="x")
    return tenant


@pytest.mark.parametrize(
    ("applied", "touches"),
    [
        (10, {Touch(1), Touch(2), Touch()}),
        (11, {Touch(1), Touch(2), Touch()}),
        (12, {Touch()}),
        (13, set()),
    ],
)
def test_touches_since_a_revision(numbered: int, applied: int, touches: set[Touch]) -> None:
    revision, found = accesslog.since(numbered, applied)
    assert revision == 13
    assert len(found) == len(touches)
    assert set(found) == touches


def test_touches_name_what_they_touch(world: World) -> None:
    tenant = world.tenants["acme"].pk
    before = accesslog.revision(tenant)
    touches = [Touch(1, DOCUMENT, 2), Touch(None, DOCUMENT, 2), Touch(1)]
    accesslog.record(tenant, touches, "why")
    accesslog.record(tenant, [Touch(None, DOCUMENT, 3)], accesslog.DELETED)
    deleted = Touch(None, DOCUMENT, 3, deleted=True)
    revision, found = accesslog.since(tenant, before)
    assert revision == accesslog.revision(tenant)
    assert found == [*touches, deleted]


def test_tenant_without_changes_is_at_revision_zero(db: None) -> None:
    assert accesslog.since(987654, 0) == (0, [])


@pytest.mark.parametrize(("applied", "revision"), [(9, 13), (12, 14), (0, 13)])
def test_everything_is_touched_where_rows_are_missing(
    numbered: int, applied: int, revision: int
) -> None:
    AccessRevision.objects.filter(tenant_id=numbered).update(revision=revision)
    assert accesslog.since(numbered, applied) == (revision, [Touch()])


def test_everything_is_touched_if_there_is_very_much(
    numbered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accesslog, "MANY", 2)
    assert set(accesslog.since(numbered, 11)[1]) == {Touch(1), Touch(2), Touch()}
    assert accesslog.since(numbered, 10) == (13, [Touch()])

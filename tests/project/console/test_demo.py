"""`manage.py demo`, as the protocol describes it."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from pytest_django import Settings

from permissions import grants
from permissions.ceiling import SYSTEM
from permissions.grants import grants_of
from permissions.subjects import Subject
from project.console.models import DemoAccount, DemoTenant
from realtime.models import Change
from resources.audiences import DOCUMENTS
from resources.models import Document
from tenants.models import Membership, Tenant, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def allowed(settings: Settings) -> None:
    settings.DEMO = True


def demo() -> str:
    out = StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def document(tenant: str = "acme") -> Document:
    return Document.objects.get(tenant__slug=tenant)


def holders() -> dict[str, str]:
    found = grants_of(DOCUMENTS, document())
    names = dict(User.objects.values_list("pk", "username"))
    return {names.get(g.subject.user_id or 0, f"{g.subject.role}s"): g.audience.name for g in found}


def everything() -> list[Any]:
    return [
        list(User.objects.order_by("pk").values_list("username", "password", "email")),
        list(Membership.objects.order_by("pk").values_list("tenant", "user", "role")),
        list(Document.objects.across_tenants().order_by("pk").values()),
        Change.objects.count(),
        holders(),
    ]


def test_demo_sets_two_tenants() -> None:
    assert "acme" in demo()
    roles = Membership.objects.values_list("tenant__slug", "user__username", "role")
    assert set(roles) == {
        ("acme", "owner", "member"),
        ("acme", "editor", "member"),
        ("acme", "viewer", "member"),
        ("acme", "admin", "admin"),
        ("acme", "member", "member"),
        ("acme", "both", "member"),
        ("globex", "rival", "admin"),
        ("globex", "both", "member"),
    }
    assert all(user.check_password("demo") for user in User.objects.all())
    assert not User.objects.filter(is_superuser=True).exists()


def test_demo_shares_a_document() -> None:
    demo()
    assert (document().title, document().owner.username) == ("Quarterly plan", "owner")
    assert holders() == {
        "owner": "owner",
        "editor": "editor",
        "viewer": "viewer",
        "admins": "auditor",
    }
    assert document("globex").owner.username == "rival"


def test_demo_again_changes_nothing() -> None:
    demo()
    before = everything()
    demo()
    assert everything() == before


def test_demo_gives_the_passwords_and_grants_back() -> None:
    demo()
    user = User.objects.get(username="viewer")
    user.set_password("another")
    user.save()
    grants.take(DOCUMENTS, document(), Subject(user_id=user.pk), actor=SYSTEM)
    demo()
    user.refresh_from_db()
    assert user.check_password("demo")
    assert holders()["viewer"] == "viewer"


def test_demo_leaves_alone_what_people_made_of_it() -> None:
    """A second document of the same title, another owner, a promotion: it still runs."""
    demo()
    plan = document()
    editor = User.objects.get(username="editor")
    owner = DOCUMENTS.audience("owner")
    assert owner is not None
    plan.owner = editor
    plan.body = "Mine"
    plan.save()
    grants.put(DOCUMENTS, plan, Subject(user_id=editor.pk), owner, actor=SYSTEM)
    Document.objects.create(tenant=plan.tenant, owner=editor, title=plan.title)
    demo()
    assert Document.objects.filter(tenant=plan.tenant).count() == 2
    plan = Document.objects.get(tenant=plan.tenant, pk=plan.pk)
    assert (plan.body, plan.owner) == ("Mine", editor)
    found = {g.subject: g.audience.name for g in grants_of(DOCUMENTS, plan)}
    assert found[Subject(user_id=editor.pk)] == "owner"


def whole_database() -> list[Any]:
    models = [model for model in apps.get_models() if model._meta.managed]
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def make_user(**fields: Any) -> None:
    User.objects.create_user(**{"username": "owner", "email": "owner@example.com"} | fields)


def make_operator() -> None:
    User.objects.create_superuser("admin", "admin@example.com", "a secret of the operator")


def make_double() -> None:
    """All that a user can make of an account looks like the demo's."""
    make_user(first_name="Owner", password="demo")


def make_tenant() -> None:
    Tenant.objects.create(slug="globex", name="Globex")


def promote() -> None:
    """An account of the demo has become an operator's."""
    call_command("demo", verbosity=0)
    User.objects.filter(username="admin").update(is_superuser=True, password="!")


def rename() -> None:
    """Somebody has the name of an account of the demo, which has another one."""
    call_command("demo", verbosity=0)
    User.objects.filter(username="owner").update(username="former")
    make_user(password="of somebody else")


FOREIGN = [
    (make_user, "the user 'owner'"),
    (make_operator, "the user 'admin'"),
    (make_double, "the user 'owner'"),
    (make_tenant, "the tenant 'globex'"),
    (promote, "the user 'admin'"),
    (rename, "the user 'owner'"),
]


@pytest.mark.parametrize(("make", "named"), FOREIGN)
def test_demo_touches_nothing_that_it_did_not_make(make: Callable[[], None], named: str) -> None:
    make()
    before = whole_database()
    with pytest.raises(CommandError, match=f"{named}.*Nothing was changed"):
        demo()
    assert whole_database() == before


def test_what_the_demo_made_is_marked() -> None:
    demo()
    marked = [*DemoAccount.objects.all(), *DemoTenant.objects.all()]
    assert sorted(map(str, marked)) == sorted(f"demo: {each.pk}" for each in marked)
    assert len(marked) == 7 + 2


def test_demo_leaves_other_people_alone() -> None:
    make_user(username="somebody", is_superuser=True)
    before = User.objects.filter(username="somebody").values().get()
    demo()
    demo()
    assert User.objects.filter(username="somebody").values().get() == before


def test_demo_runs_only_where_it_is_allowed(settings: Settings) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="DEBUG=1 or EARSHOT_DEMO=1"):
        demo()
    del settings.DEMO
    with pytest.raises(CommandError, match="DEBUG=1 or EARSHOT_DEMO=1"):
        demo()
    assert not User.objects.exists()

"""`manage.py demo`, as the protocol describes it."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from permissions import grants
from permissions.grants import Subject, grants_of
from realtime.models import Change
from resources.audiences import DOCUMENTS
from resources.models import Document
from tenants.models import Membership, User

pytestmark = pytest.mark.django_db


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
    grants.take(DOCUMENTS, document(), Subject(user_id=user.pk))
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
    grants.put(DOCUMENTS, plan, Subject(user_id=editor.pk), owner)
    Document.objects.create(tenant=plan.tenant, owner=editor, title=plan.title)
    demo()
    assert Document.objects.filter(tenant=plan.tenant).count() == 2
    plan = Document.objects.get(tenant=plan.tenant, pk=plan.pk)
    assert (plan.body, plan.owner) == ("Mine", editor)
    found = {g.subject: g.audience.name for g in grants_of(DOCUMENTS, plan)}
    assert found[Subject(user_id=editor.pk)] == "owner"

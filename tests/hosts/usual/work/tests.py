from io import StringIO

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import TestCase
from django.utils import timezone
from guardian.shortcuts import assign_perm, get_objects_for_user, get_perms, remove_perm
from work.models import Employment, Organization, Project, Ticket


class Work(TestCase):
    """The host's own tests: they pass before Earshot is there, and after."""

    def setUp(self):
        accounts = get_user_model().objects
        self.ann = accounts.create_user("ann@example.com", "a long phrase", phone="1")
        self.bob = accounts.create_user("bob@example.com", "a long phrase")
        acme = Organization.objects.create(name="Acme")
        for account, level in ((self.ann, "boss"), (self.bob, "worker")):
            Employment.objects.create(organization=acme, account=account, level=level)
        self.project = Project.objects.create(organization=acme, title="Roof", lead=self.ann)
        self.ticket = Ticket.objects.create(
            project=self.project, owner=self.ann, title="Tiles", hours=3, version="v1"
        )

    def test_migrations_made_the_office(self):
        self.assertTrue(Organization.objects.filter(name="The office").exists())

    def test_people_log_in_by_their_address(self):
        self.assertTrue(self.client.login(email="ann@example.com", password="a long phrase"))
        self.assertEqual(str(self.ann), "ann@example.com")

    def test_grant_is_guardians(self):
        assign_perm("view_ticket", self.bob, self.ticket)
        self.assertEqual(get_perms(self.bob, self.ticket), ["view_ticket"])
        self.assertTrue(self.bob.has_perm("work.view_ticket", self.ticket))
        remove_perm("view_ticket", self.bob, self.ticket)
        self.assertFalse(
            get_user_model().objects.get(pk=self.bob.pk).has_perm("work.view_ticket", self.ticket)
        )

    def test_grant_of_a_group_is_its_members(self):
        group = Group.objects.create(name="roofers")
        self.bob.groups.add(group)
        assign_perm("change_project", group, self.project)
        self.assertTrue(self.bob.has_perm("work.change_project", self.project))
        self.assertEqual([*get_objects_for_user(self.bob, "work.change_project")], [self.project])

    def test_view_lists_what_was_granted(self):
        assign_perm("view_ticket", self.bob, self.ticket)
        self.assertEqual(self.client.get("/own/tickets/").status_code, 403)
        self.client.force_login(self.bob)
        [shown] = self.client.get("/own/tickets/").json()
        self.assertEqual(
            shown, {"id": self.ticket.pk, "title": "Tiles", "hours": 3, "version": "v1"}
        )
        answer = self.client.patch(
            f"/own/tickets/{self.ticket.pk}/", {"hours": 4}, content_type="application/json"
        )
        self.assertEqual((answer.status_code, answer.json()["hours"]), (200, 4))

    def test_error_of_a_view_is_drfs(self):
        self.client.force_login(self.bob)
        self.assertEqual(
            self.client.get("/own/tickets/0/").json(),
            {"detail": "No Ticket matches the given query."},
        )

    def test_deleted_tickets_are_hidden(self):
        Ticket.objects.create(project=self.project, owner=self.ann, title="Nothing")
        out = StringIO()
        call_command("close_old", stdout=out)
        self.assertEqual(out.getvalue(), "1 closed\n")
        self.assertEqual([ticket.title for ticket in Ticket.objects.all()], ["Tiles"])
        self.assertEqual(Ticket.everything.count(), 2)

    def test_admin_shows_tickets(self):
        get_user_model().objects.create_superuser("boss@example.com", "a long phrase")
        self.client.login(email="boss@example.com", password="a long phrase")
        self.assertContains(self.client.get("/admin/work/ticket/"), "Tiles")
        self.assertEqual(self.client.get("/admin/accounts/account/").status_code, 200)

    def test_who_has_left_stays_on_the_list(self):
        works = self.bob.employments.get()
        works.left_at = timezone.now()
        works.save()
        self.assertEqual([*self.bob.employments.all()], [works])
        self.project.organization.delete()
        self.assertEqual(Employment.objects.count(), 0)

    def test_cascade_takes_tickets(self):
        self.ticket.watchers.add(self.bob)
        self.project.delete()
        self.assertEqual(Ticket.everything.count(), 0)

    def test_people_can_be_deleted(self):
        self.bob.delete()
        self.assertFalse(get_user_model().objects.filter(email="bob@example.com").exists())

from django.contrib.auth import get_user_model
from django.test import TestCase

from permissions.models import Permission
from realtime.models import Reading
from tenants.models import Tenant


class TheHouse(TestCase):
    """The host's own tests: they pass before Earshot is there, and after."""

    def test_rent_is_told(self):
        Tenant.objects.create(flat=3, rent="512.50")
        self.assertEqual(self.client.get("/rent/3/").json(), {"rent": "512.50"})
        self.assertEqual(self.client.get("/rent/4/").status_code, 404)

    def test_tenant_parks_and_is_read(self):
        ann = get_user_model().objects.create_user("ann", password="a long phrase")
        tenant = Tenant.objects.create(user=ann, flat=1, rent=1)
        Permission.objects.create(tenant=tenant, place="A7")
        Reading.objects.create(flat=1, kilowatt_hours=12)
        self.assertEqual(ann.memberships.get().permissions.get().place, "A7")
        ann.delete()
        self.assertEqual(Permission.objects.count(), 0)
        self.assertEqual(Reading.objects.count(), 1)

    def test_session_of_a_login_is_kept(self):
        get_user_model().objects.create_superuser("boss", password="a long phrase")
        self.assertTrue(self.client.login(username="boss", password="a long phrase"))
        self.assertEqual(self.client.get("/admin/").status_code, 200)

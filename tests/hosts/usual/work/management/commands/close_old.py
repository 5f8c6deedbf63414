from django.core.management.base import BaseCommand
from django.utils import timezone
from work.models import Ticket


class Command(BaseCommand):
    help = "Delete, softly, the tickets without hours."

    def handle(self, *args, **options):
        closed = Ticket.objects.filter(hours=0).update(deleted_at=timezone.now())
        self.stdout.write(f"{closed} closed")

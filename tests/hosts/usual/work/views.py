from guardian.shortcuts import get_objects_for_user
from rest_framework import serializers, viewsets
from work.models import Ticket


class TicketSerializer(serializers.ModelSerializer):
    class Meta:
        model = Ticket
        fields = ["id", "title", "hours", "version"]


class OwnTickets(viewsets.ModelViewSet):
    """What somebody was granted, as guardian says."""

    serializer_class = TicketSerializer

    def get_queryset(self):
        return get_objects_for_user(self.request.user, "work.view_ticket", Ticket.objects.all())

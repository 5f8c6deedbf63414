import uuid

from django.conf import settings
from django.db import models


class Organization(models.Model):
    name = models.CharField(max_length=100, unique=True)

    def __str__(self):
        return self.name


class Employment(models.Model):
    """Who works where; whoever has left stays on the list."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="employments")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="employments"
    )
    level = models.CharField(max_length=10, choices=[("boss", "Boss"), ("worker", "Worker")])
    left_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return f"{self.account} at {self.organization}"


class Project(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="projects")
    title = models.CharField(max_length=100)
    lead = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="leads")

    def __str__(self):
        return self.title


class Present(models.Manager):
    """What nobody has deleted."""

    def get_queryset(self):
        return super().get_queryset().filter(deleted_at=None)


class Ticket(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="tickets")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="tickets")
    watchers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="watched", blank=True)
    title = models.CharField(max_length=200)
    hours = models.IntegerField(default=0)
    version = models.CharField(max_length=10, blank=True, default="")
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = Present()
    everything = models.Manager()

    def __str__(self):
        return self.title

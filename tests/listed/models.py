"""Projects with tasks, and notes; and who may see them."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models

USER = "earshot_tenants.User"


class Project(models.Model):
    """What says whose the tasks are, and has people."""

    code = models.CharField(max_length=20, primary_key=True, db_column="the code")
    tenant = models.ForeignKey("earshot_tenants.Tenant", models.CASCADE, related_name="+")

    class Meta:
        app_label = "listed"

    def __str__(self) -> str:
        return self.code


class Task(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, null=True, related_name="+")
    owner = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=50, default="")

    class Meta:
        app_label = "listed"
        db_table = "a task"

    def __str__(self) -> str:
        return self.title


class Note(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.ForeignKey("earshot_tenants.Tenant", models.CASCADE, related_name="+")
    owner = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=50, default="")

    class Meta:
        app_label = "listed"

    def __str__(self) -> str:
        return self.title


class Part(models.Model):
    """What somebody is in a project."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+")
    person = models.ForeignKey(USER, models.CASCADE, null=True, related_name="+")
    role = models.CharField(max_length=20, null=True)  # noqa: DJ001 - as projects have it

    class Meta:
        app_label = "listed"


class Access(models.Model):
    """What somebody may do with a task: the more, the higher the level."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="+", db_column="a task")
    person = models.ForeignKey(USER, models.CASCADE, related_name="+")
    level = models.SmallIntegerField()

    class Meta:
        app_label = "listed"


class Pass(models.Model):
    """Who sees an object of any model."""

    kind = models.ForeignKey(ContentType, models.CASCADE, related_name="+")
    key = models.CharField(max_length=50)
    person = models.ForeignKey(USER, models.CASCADE, related_name="+")

    class Meta:
        app_label = "listed"


class Stamp(models.Model):
    """Who sees an object of any model that has numbers for keys."""

    kind = models.ForeignKey(ContentType, models.CASCADE, related_name="+")
    number = models.BigIntegerField()
    person = models.ForeignKey(USER, models.CASCADE, related_name="+")

    class Meta:
        app_label = "listed"


class Team(models.Model):
    people: Any = models.ManyToManyField(USER, related_name="+")

    class Meta:
        app_label = "listed"


class Share(models.Model):
    """What a team, or a group, may do with a note."""

    note = models.ForeignKey(Note, models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, models.CASCADE, null=True, related_name="+")
    group = models.ForeignKey("auth.Group", models.CASCADE, null=True, related_name="+")
    writes = models.BooleanField(default=False)

    class Meta:
        app_label = "listed"


DECLARED: list[Any] = [Task, Note]
MODELS: list[Any] = [Project, *DECLARED, Part, Access, Pass, Stamp, Team, Share]

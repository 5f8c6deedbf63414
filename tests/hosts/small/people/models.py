import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    """Who may enter the house."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

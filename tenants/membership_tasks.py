"""Membership tasks: what has to be made for a membership, whoever wrote it.

Triggers note the task (`MembershipTask`), and also who may see more or less (`realtime.capture`).
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, models, transaction
from django.db.models.signals import post_delete, post_save

from tenants.connections import is_away
from tenants.models import Membership, MembershipTask, Tenant
from tenants.roles import drop_groups
from tenants.signals import membership_written

logger = logging.getLogger(__name__)

BATCH: Final = 500


def connect() -> None:
    """Do the tasks of memberships that are saved one by one; called when the apps are ready."""
    post_save.connect(_on_membership_saved, sender=Membership)
    post_delete.connect(_on_tenant_deleted, sender=Tenant)


def do_tasks(using: str = DEFAULT_DB_ALIAS) -> None:
    """Make what belongs to memberships, however they were written; one query if there are none.

    A failure is logged and tried again the next time, and stops nothing else.
    """
    tasks = MembershipTask.objects.using(using)
    pks = list(tasks.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(pks), BATCH):
        batch = pks[start : start + BATCH]
        if not _attempt(tasks.filter(pk__in=batch)):
            for pk in batch:
                if not _attempt(tasks.filter(pk=pk)):
                    logger.error("The objects of a membership (task %s) could not be created.", pk)


def _attempt(tasks: models.QuerySet[MembershipTask]) -> bool:
    try:
        _do(tasks)
    except Exception as error:  # receivers raise what they like
        if is_away(error):
            raise
        return False
    return True


def _do(tasks: models.QuerySet[MembershipTask]) -> None:
    """Do these tasks, except those that another process or thread is doing."""
    with transaction.atomic(using=tasks.db):
        found = list(tasks.select_for_update(skip_locked=True).order_by("pk"))
        _follow({(task.tenant_id, task.user_id) for task in found})
        tasks.filter(pk__in=[task.pk for task in found]).delete()


def _follow(pairs: Collection[tuple[int, int]]) -> None:
    """Accept invitations that became active, and announce the memberships that exist."""
    places = models.Q(pk__in=[])
    for tenant_id, user_id in pairs:
        places |= models.Q(tenant_id=tenant_id, user_id=user_id)
    members = list(Membership.objects.joined().filter(places).order_by("pk"))
    # Otherwise they would be invited again once deactivated.
    accepted = [member.pk for member in members if member.is_active and member.invited_at]
    if accepted:
        Membership.objects.filter(pk__in=accepted).update(invited_at=None)
    if members:
        membership_written.send(Membership, memberships=members)


def _on_membership_saved(instance: Membership, using: str, raw: bool, **_: Any) -> None:
    if not raw:  # a fixture brings what belongs to it itself
        tasks = MembershipTask.objects.using(using)
        _do(tasks.filter(tenant_id=instance.tenant_id, user_id=instance.user_id))


def _on_tenant_deleted(instance: Tenant, **_: Any) -> None:
    drop_groups([instance.pk])

"""The publisher looks at no tables while they are being changed."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models.signals import post_migrate, pre_migrate

from realtime.publishing.publisher import publisher
from tests.realtime.publishing.test_publisher import Gate, gate

__all__ = ["gate"]


def test_nothing_is_announced_during_a_migration(gate: Gate, transactional_db: None) -> None:
    """The logs may lack what is read of them."""
    assert publisher.flush()
    gate.sent.clear()
    sender: Any = apps.get_app_config("earshot_realtime")
    told = {"app_config": sender, "using": "default", "plan": [], "apps": apps}
    pre_migrate.send(sender, **told)
    gate.commit(publisher, "a")
    assert publisher.flush(0)
    assert gate.sent == []
    post_migrate.send(sender, **told)
    assert publisher.flush(0)
    assert gate.sent == []  # others still write, and triggers are installed with the last
    last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
    post_migrate.send(last, **{**told, "app_config": last})
    assert publisher.flush()
    assert gate.sent[0] == ["a"]

"""Starting the app connects it."""

from django.apps import apps
from django.core.checks.registry import registry
from django.db.models.signals import post_delete

from permissions.accesslog import access_committed
from realtime.apps import RealtimeConfig
from realtime.checks import check_live_models
from resources.models import Document
from tenants.watching import rows_changed


def test_ready_connects_signals_and_registers_checks_once() -> None:
    config = apps.get_app_config("realtime")
    assert isinstance(config, RealtimeConfig)
    before = [len(signal.receivers) for signal in (access_committed, rows_changed, post_delete)]
    config.ready()
    after = [len(signal.receivers) for signal in (access_committed, rows_changed, post_delete)]
    assert before == after
    assert all(after)
    assert post_delete.has_listeners(Document)
    assert check_live_models in registry.registered_checks

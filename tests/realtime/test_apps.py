"""Starting the app connects it."""

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.checks.registry import registry
from django.db.backends.signals import connection_created
from django.db.models.signals import post_delete, post_migrate, pre_migrate

from realtime.apps import RealtimeConfig
from realtime.checks import check_live_models
from realtime.models import Change
from resources.models import Document

SIGNALS = (connection_created, post_migrate, pre_migrate)


def test_ready_connects_signals_and_registers_checks_once() -> None:
    config = apps.get_app_config("earshot_realtime")
    assert isinstance(config, RealtimeConfig)
    before = [len(signal.receivers) for signal in SIGNALS]
    config.ready()
    after = [len(signal.receivers) for signal in SIGNALS]
    assert before == after
    assert all(after)
    assert check_live_models in registry.registered_checks


def test_no_deletion_needs_a_listener() -> None:
    """For which Django would load what it deletes: rows are pruned by one query."""
    assert not any(post_delete.has_listeners(model) for model in (Document, Change, ContentType))

"""Names of groups."""

import sys
from uuid import UUID

from channels.layers import BaseChannelLayer

from permissions.audiences import registry
from permissions.representation import ObjectKey
from realtime.publishing import groups


def test_groups_differ_in_tenant_model_object_and_audience() -> None:
    names = [
        groups.of_tenant(1),
        groups.of_tenant(11),
        groups.of_object(1, ObjectKey("resources.document", 1), "viewer"),
        groups.of_object(11, ObjectKey("resources.document", 1), "viewer"),
        groups.of_object(1, ObjectKey("resources.profile", 1), "viewer"),
        groups.of_object(1, ObjectKey("resources.document", 11), "viewer"),
        groups.of_object(1, ObjectKey("resources.document", 1), "owner"),
        groups.of_object(1, ObjectKey("resources.document", "1"), "owner"),
        groups.of_object(1, ObjectKey("resources.document", "é" * 255), "owner"),
        groups.of_object(1, ObjectKey("resources.document", UUID(int=1)), "owner"),
    ]
    assert len(set(names)) == len(names)


def test_channel_layer_takes_longest_name_of_every_declared_audience() -> None:
    layer = BaseChannelLayer()
    assert layer.require_valid_group_name(groups.of_tenant(sys.maxsize))
    for resource in registry:
        for audience in resource.audiences:
            for pk in (sys.maxsize, UUID(int=2**128 - 1), "é" * 255):
                key = ObjectKey(resource.label, pk)
                name = groups.of_object(sys.maxsize, key, audience.name)
                assert layer.require_valid_group_name(name)

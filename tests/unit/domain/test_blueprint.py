from __future__ import annotations

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.resource import Ref, Resource

STACK = Stack("rest-api", "aws", "development", "us-east-1")


def a_blueprint(*resources: Resource) -> Blueprint:
    return Blueprint(STACK, 1, resources, {})


def version(name: str, of: str) -> LiveVersion:
    return LiveVersion(name=name, function=Ref(of))


def faults(blueprint: Blueprint) -> list[Fault]:
    with pytest.raises(ValidationError) as caught:
        blueprint.in_order()
    return list(caught.value.faults)


class TestInOrder:
    def test_puts_every_resource_after_what_it_needs(self) -> None:
        blueprint = a_blueprint(version("c", "b"), version("b", "a"), NotificationChannel(name="a"))

        assert [resource.name for resource in blueprint.in_order()] == ["a", "b", "c"]

    def test_names_a_missing_resource(self) -> None:
        assert faults(a_blueprint(version("b", "a"))) == [
            Fault("blueprint.b", "needs 'a', which is not in the blueprint")
        ]

    def test_names_resources_that_share_a_name_once(self) -> None:
        twins = [NotificationChannel(name="a") for _ in range(3)]

        assert faults(a_blueprint(*twins)) == [Fault("blueprint.a", "two resources share this name")]

    def test_names_duplicates_and_missing_resources_together(self) -> None:
        found = faults(a_blueprint(NotificationChannel(name="a"), NotificationChannel(name="a"), version("b", "c")))

        assert [fault.path for fault in found] == ["blueprint.a", "blueprint.b"]

    def test_names_every_resource_of_a_cycle(self) -> None:
        [fault] = faults(a_blueprint(version("a", "b"), version("b", "a")))

        assert fault.message in ("a needs b needs a", "b needs a needs b")

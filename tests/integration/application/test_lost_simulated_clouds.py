"""What the Pulumi engine is told about a simulated cloud: whether it lost resources, or its state was lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.engines import has_lost_simulated_cloud
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.pulumi_engine.state.states import StackState
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

STACK = Stack("rest-api", "aws", "development", "us-east-1")
TOPIC = "aws:sns/topic:Topic"


def _state(id_: str, **fields: Any) -> StackState:
    provider = {"urn": "urn:p", "type": "pulumi:providers:aws", "custom": True, "id": "p"}
    topic = {"urn": "urn:t", "type": TOPIC, "custom": True, "id": id_, **fields}
    return StackState({"resources": [provider, topic]})


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    return tmp_path / "cloud.db"


@pytest.fixture
def topic(inventory: Path) -> str:
    """Create a topic of the stack, as the provider does, and return its id."""
    owner = f"urn:pulumi:{STACK}::semantest-infrastructure::{TOPIC}::alerts#1"
    return cloud_factory(inventory)("aws", STACK.region).create(TOPIC, {"name": "alerts"}, owner=owner).id


def test_nothing_is_lost_while_all_resources_exist(inventory: Path, topic: str) -> None:
    assert not has_lost_simulated_cloud(inventory, STACK, _state(topic))


def test_a_cloud_without_any_resource_of_the_stack_is_lost(inventory: Path, topic: str) -> None:
    assert has_lost_simulated_cloud(inventory, STACK, _state("another"))


def test_one_resource_that_is_gone_is_seen_by_a_refresh_only(inventory: Path, topic: str) -> None:
    both = StackState({"resources": [*_state(topic).resources, *_state("another").resources]})

    assert not has_lost_simulated_cloud(inventory, STACK, both)


@pytest.mark.parametrize("field", ["external", "delete", "pendingReplacement"])
def test_resources_that_the_stack_does_not_have_are_not_lost(inventory: Path, topic: str, field: str) -> None:
    assert not has_lost_simulated_cloud(inventory, STACK, _state("another", **{field: True}))


def test_a_cloud_without_its_file_has_lost_everything(inventory: Path) -> None:
    assert has_lost_simulated_cloud(inventory, STACK, _state("any"))
    assert not has_lost_simulated_cloud(inventory, STACK, None)
    assert not inventory.exists()


def test_a_stack_whose_state_is_lost_is_refused(inventory: Path, topic: str) -> None:
    with pytest.raises(ProviderError, match="it is missing, and the simulated cloud has 1 resources") as refusal:
        has_lost_simulated_cloud(inventory, STACK, None)

    assert refusal.value.error_code == "STATE_MISSING"
    assert not has_lost_simulated_cloud(inventory, Stack("websocket", "aws", "development", "us-east-1"), None)

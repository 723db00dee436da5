"""Where resources live."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import CloudResolver
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, Snapshot, StateChange
from tests.unit.sandbox_engine.builders import a_state

_WEST = {"region": "eu-west-1"}


def _provider(name: str, package: str = "aws", **fields: Any) -> ResourceState:
    return a_state(name, type=f"pulumi:providers:{package}", **fields)


def _reference(provider: ResourceState) -> str:
    return f"{provider.urn}::{provider.id}"


def _regions(*settled: ResourceState, before: ResourceState) -> CloudResolver:
    snapshot = Snapshot([before])
    for state in settled:
        snapshot.apply(StateChange(put=state))

    def no_cloud(package: str, region: str) -> Any:
        raise KeyError(package)

    return CloudResolver(no_cloud, snapshot, "us-east-1")


class TestDiffer:
    @pytest.mark.parametrize(
        ("package", "inputs", "differ"),
        [
            ("aws", {}, False),
            ("aws", {"region": "us-east-1"}, False),
            ("aws", _WEST, True),
            ("azure-native", {"location": "westeurope"}, True),
        ],
        ids=["by default", "by name", "elsewhere", "in Azure"],
    )
    def test_follows_where_the_providers_work(self, package: str, inputs: dict[str, str], differ: bool) -> None:
        before, now = _provider("before", package), _provider("now", package, inputs=inputs)

        assert _regions(now, before=before).differ(_reference(before), _reference(now)) is differ

    def test_is_false_for_a_provider_that_was_renamed(self) -> None:
        before = _provider("before")
        now = _provider("now", inputs=_WEST, aliases=(before.urn,))

        assert not _regions(now, before=before).differ(_reference(before), _reference(now))

    def test_takes_the_replacement_for_what_was_replaced(self) -> None:
        """The engine knows the provider by its URN; a resource that an update did not get to stays where it is."""
        before = _provider("a", id="2", inputs=_WEST)

        assert not _regions(before, before=before).differ(f"{before.urn}::1", _reference(before))

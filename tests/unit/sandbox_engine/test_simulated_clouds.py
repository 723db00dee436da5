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


def _clouds(*finished: ResourceState, before: ResourceState) -> CloudResolver:
    snapshot = Snapshot([before])
    for state in finished:
        snapshot.apply(StateChange(put=state))

    def no_cloud(package: str, region: str) -> Any:
        raise KeyError(package)

    return CloudResolver(no_cloud, snapshot, "us-east-1")


class TestHasMoved:
    @pytest.mark.parametrize(
        ("package", "inputs", "moved"),
        [
            ("aws", {}, False),
            ("aws", {"region": "us-east-1"}, False),
            ("aws", _WEST, True),
            ("azure-native", {"location": "westeurope"}, True),
        ],
        ids=["by default", "same region", "other region", "on Azure"],
    )
    def test_compares_the_regions_of_the_providers(self, package: str, inputs: dict[str, str], moved: bool) -> None:
        before, now = _provider("before", package), _provider("now", package, inputs=inputs)

        assert _clouds(now, before=before).has_moved(_reference(before), _reference(now)) is moved

    def test_is_false_for_a_renamed_provider(self) -> None:
        before = _provider("before")
        now = _provider("now", inputs=_WEST, aliases=(before.urn,))

        assert not _clouds(now, before=before).has_moved(_reference(before), _reference(now))

    def test_compares_with_the_replacement_of_a_replaced_provider(self) -> None:
        """The engine finds the provider by its URN; a resource that an update did not reach has not moved."""
        before = _provider("a", id="2", inputs=_WEST)

        assert not _clouds(before, before=before).has_moved(f"{before.urn}::1", _reference(before))

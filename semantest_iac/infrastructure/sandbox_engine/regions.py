"""Which simulated cloud a resource lives in: its provider says the region, its type the cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.urns import PROVIDER_PREFIX
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud

Clouds = Callable[[str, str], Cloud]
"""The simulated cloud of a provider package in a region."""


class Regions:
    """Finds clouds by the provider references of one snapshot; `default` serves resources without one."""

    def __init__(self, clouds: Clouds, snapshot: Snapshot, default: str) -> None:
        self._clouds = clouds
        self._snapshot = snapshot
        self._default = default

    def of(self, state: ResourceState) -> Cloud:
        """The cloud of a resource."""
        return self.at(state.type, state.provider)

    def at(self, token: str, provider: str) -> Cloud:
        """The cloud for a type or function token and a provider reference (`urn::id`, may be empty)."""
        found = self._snapshot.live(provider.rpartition("::")[0]) if provider else None
        region: Any = found.inputs.get("region") if found else None
        return self._clouds(token.removeprefix(PROVIDER_PREFIX).partition(":")[0], region or self._default)

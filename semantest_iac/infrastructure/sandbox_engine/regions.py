"""Which simulated cloud a resource lives in: its provider says the region, its type the cloud."""

from __future__ import annotations

from collections.abc import Callable

from semantest_iac.infrastructure.clouds.registry import place_of
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.unsupported import UnsupportedError
from semantest_iac.infrastructure.sandbox_engine.urns import provider_urn
from semantest_iac.infrastructure.sandbox_engine.values import bare
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud

Clouds = Callable[[str, str], Cloud]
"""The simulated cloud of a provider package in a region; KeyError for a package that is not simulated."""


class Regions:
    """Finds clouds by the provider references of one snapshot; `default` is the region of a provider that has none."""

    def __init__(self, clouds: Clouds, snapshot: Snapshot, default: str) -> None:
        self._clouds = clouds
        self._snapshot = snapshot
        self._default = default
        self._known: dict[tuple[str, str], Cloud] = {}

    def of(self, state: ResourceState) -> Cloud:
        """The cloud of a resource; raises UnsupportedError where it is not simulated."""
        return self.at(state.type, state.provider)

    def at(self, token: str, provider: str) -> Cloud:
        """The cloud for a type or function token and a provider reference (`urn::id`, may be empty)."""
        place = token.partition(":")[0], self.region(provider)
        if place not in self._known:
            self._known[place] = self._found(*place)
        return self._known[place]

    def differ(self, before: str, now: str) -> bool:
        """Whether a provider works elsewhere than the one that its resource had before.

        As Pulumi sees it: a renamed provider stays where it is, and of a replaced one the replacement counts.
        """
        urn, present = provider_urn(before), self._snapshot.provider(now)
        if present and urn in present.aliases:
            return False
        return self._place(self._snapshot.first.get(urn)) != self._place(present)

    def region(self, provider: str) -> str:
        """Where a provider works."""
        return self._place(self._snapshot.provider(provider) if provider else None)

    def _place(self, provider: ResourceState | None) -> str:
        place = bare(provider.inputs).get(place_of(provider.package)) if provider else None
        return str(place or self._default)

    def _found(self, package: str, region: str) -> Cloud:
        try:
            return self._clouds(package, region)
        except KeyError as error:
            raise UnsupportedError(f"The sandbox does not simulate the cloud of '{package}'.") from error

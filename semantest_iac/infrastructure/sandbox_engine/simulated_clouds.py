"""Finds the simulated cloud of a resource (by its type and its provider's region) and of a stack's code."""

from __future__ import annotations

from collections.abc import Callable

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.cloud_programs.code_publishing import CodePublisher, ServiceClient
from semantest_iac.infrastructure.clouds.registry import region_setting_of
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import provider_urn
from semantest_iac.infrastructure.sandbox_engine.protocol.values import to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.protocol.wire import UnsupportedError
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, Snapshot
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import find_code_service

CloudLookup = Callable[[str, str], SimulatedCloud]
"""The simulated cloud of a provider package in a region; KeyError for a package that is not simulated."""


class CloudResolver:
    """Finds clouds by the provider references of one snapshot; `default` is the region of a provider that has none."""

    def __init__(self, clouds: CloudLookup, snapshot: Snapshot, default: str) -> None:
        self._clouds = clouds
        self._snapshot = snapshot
        self._default = default
        self._known: dict[tuple[str, str], SimulatedCloud] = {}

    def of(self, state: ResourceState) -> SimulatedCloud:
        """The cloud of a resource; raises UnsupportedError where it is not simulated."""
        return self.at(state.type, state.provider)

    def at(self, token: str, provider: str) -> SimulatedCloud:
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
        place = to_cloud_value(provider.inputs).get(region_setting_of(provider.package)) if provider else None
        return str(place or self._default)

    def _found(self, package: str, region: str) -> SimulatedCloud:
        try:
            return self._clouds(package, region)
        except KeyError as error:
            raise UnsupportedError(f"The sandbox does not simulate the cloud of '{package}'.") from error


def create_code_publisher(clouds: CloudLookup, stack: Stack) -> CodePublisher | None:
    """Who brings packages to a stack, or None where its program carries them; time is the cloud's own here."""
    push = find_cloud(stack.provider).code
    if push is None:
        return None
    package = push.type.partition(":")[0]
    service = find_code_service(package, clouds(package, stack.region))
    return CodePublisher(push, ServiceClient(service, token=lambda: "anybody", wait=lambda seconds: None))

"""Finds the simulated cloud of a resource (by its type and its provider's region) and of a stack's code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.cloud_programs.code_publishing import CodePublisher, ServiceClient
from semantest_iac.infrastructure.clouds.registry import CLOUDS, region_setting_of
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import provider_urn
from semantest_iac.infrastructure.sandbox_engine.protocol.values import to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.protocol.wire import UnsupportedError
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, Snapshot
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import find_code_service

CloudLookup = Callable[[str, str], SimulatedCloud]
"""Returns the simulated cloud of a provider package in a region; raises KeyError if the package is not simulated."""


class CloudResolver:
    """Finds clouds by the provider references of one snapshot; `default` is the region of a provider without one."""

    def __init__(self, clouds: CloudLookup, snapshot: Snapshot, default: str) -> None:
        self._clouds = clouds
        self._snapshot = snapshot
        self._default = default
        self._known: dict[tuple[str, str], SimulatedCloud] = {}

    def cloud_of(self, state: ResourceState) -> SimulatedCloud:
        """Return the cloud of a resource; raises UnsupportedError if it is not simulated."""
        return self.cloud_at(state.type, state.provider)

    def cloud_at(self, token: str, provider: str) -> SimulatedCloud:
        """Return the cloud for a type or function token and a provider reference (`urn::id`, may be empty)."""
        location = token.partition(":")[0], self.region_of(provider)
        if location not in self._known:
            self._known[location] = self._find_cloud(*location)
        return self._known[location]

    def has_moved(self, before: str, now: str) -> bool:
        """Whether a provider works in another region than the one that its resource had before.

        As Pulumi sees it: a renamed provider has not moved, and a replaced one counts as its replacement.
        """
        urn, present = provider_urn(before), self._snapshot.find_provider(now)
        if present and urn in present.aliases:
            return False
        return self._read_region(self._snapshot.initial.get(urn)) != self._read_region(present)

    def region_of(self, provider: str) -> str:
        return self._read_region(self._snapshot.find_provider(provider) if provider else None)

    def _read_region(self, provider: ResourceState | None) -> str:
        region = to_cloud_value(provider.inputs).get(region_setting_of(provider.package)) if provider else None
        return str(region or self._default)

    def _find_cloud(self, package: str, region: str) -> SimulatedCloud:
        try:
            return self._clouds(package, region)
        except KeyError as error:
            raise UnsupportedError(f"The sandbox does not simulate the cloud of '{package}'.") from error


def with_published_versions(
    clouds: CloudLookup, stack: Stack, resources: Iterable[DeployedResource]
) -> list[DeployedResource]:
    """Return the resources, each with the versions that its simulated cloud keeps of it."""
    cloud = clouds(CLOUDS[stack.provider].package, stack.region)
    return [replace(it, versions=cloud.read_versions(it.type, it.id, it.outputs)) for it in resources]


def create_code_publisher(clouds: CloudLookup, stack: Stack) -> CodePublisher | None:
    """Create the publisher of a stack's packages, or None if its program carries them. Waiting takes no real time."""
    cloud = find_cloud(stack.provider)
    if cloud.publishing is None:
        return None
    package = cloud.publishing.app_type.partition(":")[0]
    service = find_code_service(package, clouds(package, stack.region))
    return cloud.create_publisher(ServiceClient(service, token=lambda: "anybody", wait=lambda seconds: None))

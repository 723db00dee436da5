"""Finds what the services of deployed stacks run on this machine: their folders and commands, and what they get."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from semantest_iac.application.deployment.rollback import find_deployed_configuration
from semantest_iac.domain.compute.containers import SERVICE_VARIABLE_PREFIX, service_variable
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.local_service.containers.service_spec import (
    DeployedContainer,
    FindServiceAddress,
    ServiceSpec,
)
from semantest_iac.infrastructure.local_service.local_probe import (
    FindDeployedResources,
    FindLocalVariables,
    collect_endpoints,
)

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import Ledger
    from semantest_iac.domain.environments.platform.service_settings import ServiceSettings
    from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources

_OWN_PREFIX = "SEMANTEST_"


class ServedContainers:
    """Reads the services of stacks: what they run from the ledger, and what they get from their deployed resources."""

    def __init__(
        self, ledger: Ledger, find_resources: FindDeployedResources, sources: Sequence[FindLocalVariables]
    ) -> None:
        self._ledger = ledger
        self._find_resources = find_resources
        self._sources = sources

    async def find_specs(self, name: str, find_address: FindServiceAddress) -> Mapping[str, ServiceSpec]:
        """Return the services of a stack by name."""
        stack = Stack.parse(name)
        services = await asyncio.to_thread(self._read_settings, stack)
        if not services or not CLOUDS[stack.provider].containers:
            return {}
        resources = await self._find_resources(stack)
        local = await collect_endpoints(self._sources, stack, resources)
        addresses = {service_variable(it): await find_address(name, it) for it in services}
        return {
            it.service: _describe_service(services[it.service], it, local, addresses)
            for it in _read_containers(stack, resources)
            if it.service in services
        }

    def _read_settings(self, stack: Stack) -> Mapping[str, ServiceSettings]:
        configuration = DeploymentConfiguration.model_validate(find_deployed_configuration(self._ledger, str(stack)))
        settings = resolve_component(configuration, stack.component, stack.environment)
        return settings.platform.services.services if settings.platform else {}


def _read_containers(stack: Stack, resources: DeployedResources) -> Iterator[DeployedContainer]:
    cloud = CLOUDS[stack.provider]
    read: Callable[[DeployedResources], Iterator[DeployedContainer]] = cloud.load_part(cloud.containers)
    return read(resources)


def _describe_service(
    settings: ServiceSettings, container: DeployedContainer, local: Mapping[str, str], addresses: Mapping[str, str]
) -> ServiceSpec:
    """Join what a service runs with the variables of its container, those of this machine in place of the cloud's."""
    variables = container.variables
    here = {name: value for name, value in local.items() if name in variables or not name.startswith(_OWN_PREFIX)}
    called = {
        name: addresses[name] for name in variables if name.startswith(SERVICE_VARIABLE_PREFIX) and name in addresses
    }
    folder = Path(settings.source) if settings.source else None
    return ServiceSpec(
        name=settings.name,
        folder=folder,
        command=tuple(shlex.split(settings.start)),
        environment={**variables, **here, **called, **container.secrets},
        secrets=frozenset(container.secrets.values()),
        probe=settings.probe,
        scaling=settings.scaling,
        queues=settings.queue_lengths,
        ingress=container.ingress,
        is_public=settings.public,
        fault=_find_fault(settings, folder),
    )


def _find_fault(settings: ServiceSettings, folder: Path | None) -> str:
    """Return why a service does not run on this machine; empty if it does."""
    if folder is None:
        return f"the image {settings.image} needs a container engine: name its source and start, too"
    return "" if folder.is_dir() else f"its source is no folder of this machine: {folder}"

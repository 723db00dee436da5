"""How layers reach each other's services inside the network: by private endpoints.

A layer calls `build_private_endpoint` with its own resources; where the blueprint has no network, or the environment no
private endpoints, there is nothing to build and services have public addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from semantest_iac.domain.blueprints.platform.layer import LayerContext
from semantest_iac.domain.networking.access_rules import ACCESS_TABLE, NetworkPart
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.domain.networking.virtual_networks import Subnet
from semantest_iac.domain.resource import Ref

_COMPANIONS = {PrivateService.TABLES: PrivateService.DOCUMENTS}
_PLACES: Mapping[PrivateService, NetworkPart] = {
    PrivateService.CACHE: NetworkPart.DATA,
    PrivateService.DATABASE: NetworkPart.DATA,
    PrivateService.DOCUMENTS: NetworkPart.DATA,
    PrivateService.FILES: NetworkPart.DATA,
    PrivateService.OBJECTS: NetworkPart.DATA,
    PrivateService.QUEUES: NetworkPart.DATA,
    PrivateService.TABLES: NetworkPart.DATA,
}
"""The subnets of private endpoints; of all other services they are in `integration`."""


def build_private_endpoint(
    context: LayerContext, service: PrivateService, targets: tuple[Ref, ...], name: str | None = None
) -> Iterator[PrivateEndpoint]:
    """Build the endpoint of all resources of a service, once for the whole platform.

    Without a `name` it has that of the service.
    """
    name = name or f"endpoint-{service}"
    subnets = {it.part: it for it in context.find_all(Subnet)}
    part = _PLACES.get(service, NetworkPart.INTEGRATION)
    if not targets or not context.is_private or part not in subnets or context.find_ref(name):
        return
    callers = {row.source for row in ACCESS_TABLE if row.target is part}
    yield PrivateEndpoint(
        name=name,
        service=service,
        network=subnets[part].network,
        subnet=Ref(subnets[part].name),
        targets=targets,
        reached_from=tuple(Ref(it.name) for it in subnets.values() if it.part in callers),
        companion=context.find_ref(f"endpoint-{_COMPANIONS[service]}") if service in _COMPANIONS else None,
    )

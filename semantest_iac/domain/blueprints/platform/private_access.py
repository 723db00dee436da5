"""How layers reach each other's services inside the network: subnets by their parts, and private endpoints.

A layer calls `build_private_endpoint` with its own resources; where the blueprint has no network, or the environment no
private endpoints, there is nothing to build and services have public addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from semantest_iac.domain.blueprints.platform.layer import LayerContext
from semantest_iac.domain.networking.access_rules import ACCESS_TABLE, NetworkPart
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.domain.networking.virtual_networks import Subnet, VirtualNetwork
from semantest_iac.domain.resource import Ref

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


def find_subnet(context: LayerContext, part: NetworkPart) -> Ref | None:
    """Return the subnet of a part, None where the blueprint has no network."""
    return next((Ref(it.name) for it in context.find_all(Subnet) if it.part is part), None)


def build_private_endpoint(
    context: LayerContext, service: PrivateService, targets: tuple[Ref, ...]
) -> Iterator[PrivateEndpoint]:
    """Build the endpoint of all resources of a service, once for the whole platform."""
    part = _PLACES.get(service, NetworkPart.INTEGRATION)
    network, subnet = next(iter(context.find_refs(VirtualNetwork)), None), find_subnet(context, part)
    if not targets or network is None or subnet is None or not context.platform.environment.security.private_endpoints:
        return
    callers = {row.source for row in ACCESS_TABLE if row.target is part}
    yield PrivateEndpoint(
        name=Ref(f"endpoint-{service}"),
        service=service,
        network=network,
        subnet=subnet,
        targets=targets,
        reached_from=tuple(Ref(it.name) for it in context.find_all(Subnet) if it.part in callers),
    )

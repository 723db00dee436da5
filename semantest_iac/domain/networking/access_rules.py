"""Who may reach whom in a virtual network: the table of the architecture, and the rules that follow from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.environments.environment_settings import SUBNETS
from semantest_iac.domain.resource import Ref, Resource


class NetworkPart(StrEnum):
    """The subnets of a virtual network, and what lies outside of them."""

    GATEWAY = "gateway"
    APP = "app"
    FUNCTIONS = "functions"
    INTEGRATION = "integration"
    DATA = "data"
    MANAGEMENT = "management"
    BASTION = "bastion"
    INTERNET = "internet"
    CLOUD_SERVICES = "cloud-services"


SUBNET_PARTS = tuple(map(NetworkPart, SUBNETS))
"""The parts that are subnets of every virtual network, in the order of their addresses."""


class AccessCondition(StrEnum):
    """What has to be in a network before some of its connections may be opened."""

    IMAGES = "images"
    PUBLIC_SERVICES = "public-services"


OUTSIDE_PARTS = frozenset({NetworkPart.INTERNET, NetworkPart.CLOUD_SERVICES})
"""The parts that are not in the network: traffic to them leaves by its egress."""

HTTPS_PORT, MESSAGING_PORT, SQL_PORT = 443, 5671, 1433
HTTP_PORT = 80
"""The port of services inside, where a cloud has no certificate for names of a private network."""
CACHE_PORTS = (6379, 10000)
"""The ports of Redis: its own, and that of managed clusters."""


@dataclass(frozen=True, slots=True)
class AllowedAccess:
    """Connections over TCP that `source` may open to `target`; without ports, all of them. All else is refused.

    With a `condition`, they may be opened only in a network that has it.
    """

    source: NetworkPart
    target: NetworkPart
    ports: tuple[int, ...]
    reason: str
    condition: AccessCondition | None = None

    @property
    def number(self) -> int:
        """The place of the pair in the table, which does not depend on what else there is in a network."""
        return [(row.source, row.target) for row in ACCESS_TABLE].index((self.source, self.target))


ACCESS_TABLE: tuple[AllowedAccess, ...] = (
    AllowedAccess(NetworkPart.INTERNET, NetworkPart.GATEWAY, (HTTPS_PORT,), "clients call the API, with a login"),
    AllowedAccess(NetworkPart.GATEWAY, NetworkPart.APP, (HTTP_PORT, HTTPS_PORT), "the API calls the services"),
    AllowedAccess(NetworkPart.APP, NetworkPart.APP, (), "services find and call each other"),
    AllowedAccess(
        NetworkPart.APP, NetworkPart.INTEGRATION, (HTTPS_PORT, MESSAGING_PORT), "services send and receive messages"
    ),
    AllowedAccess(
        NetworkPart.APP,
        NetworkPart.DATA,
        (HTTPS_PORT, SQL_PORT, *CACHE_PORTS),
        "services use the database, the cache and documents",
    ),
    AllowedAccess(
        NetworkPart.FUNCTIONS, NetworkPart.INTEGRATION, (HTTPS_PORT, MESSAGING_PORT), "functions handle messages"
    ),
    AllowedAccess(NetworkPart.FUNCTIONS, NetworkPart.DATA, (HTTPS_PORT,), "functions transform what is staged"),
    AllowedAccess(NetworkPart.FUNCTIONS, NetworkPart.INTERNET, (HTTPS_PORT,), "functions call third parties"),
    AllowedAccess(NetworkPart.BASTION, NetworkPart.MANAGEMENT, (22, 3389), "people log in to machines"),
    *(
        AllowedAccess(part, NetworkPart.CLOUD_SERVICES, (HTTPS_PORT,), "logs, identities, packages and images")
        for part in (NetworkPart.GATEWAY, NetworkPart.APP, NetworkPart.FUNCTIONS)
    ),
    AllowedAccess(
        NetworkPart.APP,
        NetworkPart.INTERNET,
        (HTTPS_PORT,),
        "images come from their registries",
        AccessCondition.IMAGES,
    ),
    AllowedAccess(
        NetworkPart.INTERNET,
        NetworkPart.APP,
        (HTTPS_PORT,),
        "everybody calls public services",
        AccessCondition.PUBLIC_SERVICES,
    ),
)
"""Every connection that may be opened; each pair has one row."""

PUBLIC_ADDRESS_PORTS: Mapping[NetworkPart, tuple[int, ...]] = {
    NetworkPart.INTEGRATION: (MESSAGING_PORT,),
    NetworkPart.DATA: (SQL_PORT, *CACHE_PORTS),
}
"""The ports at which services that have no private endpoint are reached at the cloud's public addresses."""


def list_access(
    *, has_private_endpoints: bool, conditions: Collection[AccessCondition] = ()
) -> Iterator[AllowedAccess]:
    """Yield what holds under these conditions.

    Without private endpoints, what may reach their subnets may reach the public addresses.
    """
    for row in ACCESS_TABLE:
        if row.condition is not None and row.condition not in conditions:
            continue
        if row.target is not NetworkPart.CLOUD_SERVICES or has_private_endpoints:
            yield row
            continue
        reached = [it for it in ACCESS_TABLE if it.source is row.source and it.target in PUBLIC_ADDRESS_PORTS]
        more = {port for it in reached for port in it.ports if port in PUBLIC_ADDRESS_PORTS[it.target]}
        yield AllowedAccess(row.source, row.target, (*row.ports, *sorted(more)), row.reason)


def has_egress(part: NetworkPart) -> bool:
    """Return whether anything in this part may open connections to the outside."""
    return any(row.source is part and row.target in OUTSIDE_PARTS for row in ACCESS_TABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRules(Resource):
    """The rules of every subnet: what the table allows, and nothing else; `cidrs` are the addresses of each part.

    `gateway_tier` is that of the gateway in the network, None without one: what some of them need to be managed by
    their cloud is no connection of the platform, and stands beside the table.
    """

    network: Ref
    cidrs: Mapping[NetworkPart, str]
    has_private_endpoints: bool = False
    conditions: frozenset[AccessCondition] = frozenset()
    gateway_tier: Tier | None = None

    @property
    def allowed(self) -> tuple[AllowedAccess, ...]:
        """The rows of the table between parts that this network has."""
        rows = list_access(has_private_endpoints=self.has_private_endpoints, conditions=self.conditions)
        known = self.cidrs.keys() | OUTSIDE_PARTS
        return tuple(row for row in rows if {row.source, row.target} <= known)

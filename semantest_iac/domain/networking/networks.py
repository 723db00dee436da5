"""Private networks, existing networks and load balancers."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateNetwork(Resource):
    """A network with private subnets in `zones` zones: outgoing HTTPS only, no incoming traffic.

    `reaches_secrets` adds a private endpoint of the secret store, without which functions in it cannot read secrets.
    """

    cidr: str
    zones: int = 2
    reaches_secrets: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingNetwork(Resource):
    """Subnets and security groups that are managed elsewhere."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer(Resource):
    """Distributes the requests to a public address over the healthy instances of a container service."""

    target: Ref
    network: Ref
    health_path: str = "/health"
    access_log: Ref | None = None

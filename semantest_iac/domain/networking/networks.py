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
    """Distributes requests over the healthy instances of the services that run in a container environment.

    It is there before the services, which name it and register themselves under their names. A `public` one has an
    address outside of the network.
    """

    runs_in: Ref
    network: Ref | None = None
    subnet: Ref | None = None
    public: bool = False
    access_log: Ref | None = None

"""Networks in which code runs, and what spreads requests over it."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateNetwork(Resource):
    """A network of its own: private subnets in `zones` zones, HTTPS out, nothing in.

    `reaches_secrets` opens the private way to the secret store, without which a function in here could
    not read its secrets.
    """

    cidr: str
    zones: int = 2
    reaches_secrets: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingNetwork(Resource):
    """Subnets and security groups that somebody else keeps."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer(Resource):
    """Spreads the requests that reach a public address over the healthy instances of a container service."""

    target: Ref
    network: Ref
    health_path: str = "/health"
    access_log: Ref | None = None

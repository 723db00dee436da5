"""A virtual network of subnets with known roles, what leads out of it, and what protects it."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualNetwork(Resource):
    """A network that spans `zones` zones, with `public_cidr` for what leads out; its subnets are resources.

    `protection` is the plan against floods of traffic, if there is one.
    """

    cidr: str
    public_cidr: str
    zones: int = 2
    protection: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet(Resource):
    """The addresses of one part of a virtual network, in every zone.

    `access` are the rules; `egress` is what its traffic to the outside goes through, a NAT gateway or a firewall:
    without it there is none. `tier` is that of what lies in it, which on some clouds decides how it joins a subnet.
    """

    network: Ref
    part: NetworkPart
    cidr: str
    access: Ref
    egress: Ref | None = None
    tier: Tier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NatGateway(Resource):
    """One known public address for all outgoing connections; `high_availability` has one in every zone.

    `protection` is the plan against floods of traffic, if there is one.
    """

    network: Ref
    high_availability: bool = False
    protection: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DdosProtectionPlan(Resource):
    """Protects public addresses against floods of traffic, beyond what every account has.

    `existing_id` is a plan that is managed elsewhere. `accept_commitment` agrees to a subscription of a year, where
    a cloud has no other form.
    """

    existing_id: str = ""
    accept_commitment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFirewall(Resource):
    """Lets HTTPS to `allowed_hosts` out, which may begin with `*.`, and nothing else; none of them means every host.

    It has `cidr` for itself; what it lets out leaves by `egress`. `sources` are the addresses whose traffic it gets.
    """

    network: Ref
    cidr: str
    egress: Ref
    sources: tuple[str, ...]
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BastionHost(Resource):
    """Lets people with a login reach machines in `subnet`, which have no public address; it has `cidr` for itself."""

    network: Ref
    subnet: Ref
    access: Ref
    cidr: str

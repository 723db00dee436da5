"""A virtual network of subnets with known roles, what leads out of it, and what protects it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network

from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.resource import Ref, Resource

_SERVICE_PREFIX = 26
"""What firewalls and bastion hosts need on the strictest cloud; source: its documentation of their subnets."""


@dataclass(frozen=True, slots=True)
class ServiceAddresses:
    """The addresses that a network has for what belongs to no subnet of its own."""

    firewall: str
    bastion: str
    public: str


def find_service_addresses(cidr: str, subnets: Iterable[str]) -> ServiceAddresses:
    """Return the first addresses that no subnet has, the same whether what needs them is deployed or not.

    Raises ValidationError where the subnets leave none.
    """
    taken = [IPv4Network(subnet) for subnet in subnets]
    network = IPv4Network(cidr)
    blocks = network.subnets(new_prefix=max(_SERVICE_PREFIX, network.prefixlen))
    free = [
        block for block, _ in zip((it for it in blocks if not any(map(it.overlaps, taken))), range(3), strict=False)
    ]
    if len(free) < 3:
        fault = Fault(
            "network.cidr",
            f"{cidr} has no room for a firewall, a bastion host and public addresses beside its subnets",
            f"They take three ranges with a prefix of /{_SERVICE_PREFIX}; use a larger network, or smaller subnets.",
        )
        raise ValidationError("Cannot divide the addresses of the network.", faults=[fault])
    return ServiceAddresses(*map(str, free))


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
    without it there is none.
    """

    network: Ref
    part: NetworkPart
    cidr: str
    access: Ref
    egress: Ref | None = None


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

"""The addresses that a network of the platform keeps for what belongs to no subnet of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network

from semantest_iac.domain.errors import Fault, ValidationError

_SERVICE_PREFIX = 26
"""What firewalls and bastion hosts need on the strictest cloud; source: its documentation of their subnets."""


@dataclass(frozen=True, slots=True)
class ServiceAddresses:
    """Ranges of a firewall, of a bastion host, and of what has a public address."""

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

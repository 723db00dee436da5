"""Networks for function apps."""

from __future__ import annotations

import ipaddress
from typing import Any

from pulumi_azure_native import network as azure

from semantest_iac.domain.networking.networks import ExistingNetwork, PrivateNetwork
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

FLEX_SERVICE = "Microsoft.App/environments"  # the delegation of a subnet for Flex Consumption apps
VAULT_SERVICE = "Microsoft.KeyVault"  # the service endpoint for vaults: new networks have no default outbound access
_SUBNET_BITS = 8


def use_existing_network(network: ExistingNetwork, context: ProgramContext) -> Outputs:
    """Create nothing: the subnet and its security group are managed elsewhere."""
    return {"subnet_id": network.subnet_ids[0]}


def create_private_network(network: PrivateNetwork, context: ProgramContext) -> Outputs:
    """Create a network with one subnet for the app, which spans all zones, and a group that only allows HTTPS out."""
    common: dict[str, Any] = {"resource_group_name": context.outputs[FOUNDATION]["group"], "opts": context.options()}
    group = azure.NetworkSecurityGroup(
        network.name,
        network_security_group_name=azure_name("security group", context),
        location=context.stack.region,
        security_rules=[
            _security_rule("https", 100, "Outbound", "Allow", "443"),
            _security_rule("nothing-else", 200, "Outbound", "Deny"),
            _security_rule("nothing-in", 200, "Inbound", "Deny"),
        ],
        tags=context.tags,
        **common,
    )
    outer = azure.VirtualNetwork(
        network.name,
        virtual_network_name=azure_name("network", context, network.cidr),  # another range means another network
        location=context.stack.region,
        address_space={"address_prefixes": [network.cidr]},
        tags=context.tags,
        **common | {"opts": context.options(ignore_changes=["subnets"], delete_before_replace=False)},
    )
    subnet = azure.Subnet(
        network.name,
        subnet_name="functions",
        virtual_network_name=outer.name,
        address_prefix=_first_subnet(network.cidr),
        delegations=[{"name": "functions", "service_name": FLEX_SERVICE}],
        network_security_group={"id": group.id},
        service_endpoints=[{"service": VAULT_SERVICE}] if network.reaches_secrets else None,
        **common | {"opts": context.options(delete_before_replace=False)},  # the app stays in the old subnet until then
    )
    return {"subnet_id": subnet.id}


def _first_subnet(cidr: str) -> str:
    block = ipaddress.ip_network(cidr)
    return str(next(block.subnets(prefixlen_diff=min(_SUBNET_BITS, 27 - block.prefixlen))))


def _security_rule(name: str, priority: int, direction: str, access: str, port: str = "*") -> dict[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "direction": direction,
        "access": access,
        "protocol": "Tcp" if port != "*" else "*",
        "source_address_prefix": "*",
        "source_port_range": "*",
        "destination_address_prefix": "*",
        "destination_port_range": port,
    }

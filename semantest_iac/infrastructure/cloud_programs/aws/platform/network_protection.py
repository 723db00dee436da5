"""Network Firewall, EC2 Instance Connect Endpoints, and Shield Advanced."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.networking.access_rules import NetworkPart
from semantest_iac.domain.networking.virtual_networks import BastionHost, DdosProtectionPlan, NetworkFirewall
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.aws.platform.virtual_networks import (
    ANYWHERE,
    create_zone_subnet,
    name_tags,
    split_by_zone,
)
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_RULES_CAPACITY = 100  # of a rule group, for its whole life; a host takes one
_FORWARD = ["aws:forward_to_sfe"]
_STRICT_ORDER = {"rule_order": "STRICT_ORDER"}


def create_ddos_protection_plan(plan: DdosProtectionPlan, context: ProgramContext) -> Outputs:
    """Subscribe to Shield Advanced if the year is agreed to; a destroy keeps it, for it is the account's for the year.

    Without it nothing is created: every account has Shield Standard.
    """
    if not plan.accept_commitment:
        return {"subscription": None}
    subscription = aws.shield.Subscription(
        plan.name, auto_renew="DISABLED", opts=context.options(retain_on_delete=True)
    )
    return {"subscription": subscription}


def create_network_firewall(firewall: NetworkFirewall, context: ProgramContext) -> Outputs:
    """Create a firewall with an endpoint in each zone; what it lets out leaves by the NAT gateway of the zone."""
    network, egress = context.outputs[firewall.network], context.outputs[firewall.egress]
    zones = network["zone_names"]
    subnets = []
    for number, cidr in enumerate(split_by_zone(firewall.cidr, len(zones))):
        name = f"{firewall.name}-{number}"
        subnet, table = create_zone_subnet(name, network["id"], zones[number], cidr, context)
        aws.ec2.Route(
            name,
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            nat_gateway_id=egress["nat_gateway_ids"][number],
            opts=context.options(),
        )
        subnets.append(subnet)
    created = aws.networkfirewall.Firewall(
        firewall.name,
        name=aws_name("firewall", context),
        vpc_id=network["id"],
        firewall_policy_arn=_create_policy(firewall, context).arn,
        subnet_mappings=[{"subnet_id": subnet.id} for subnet in subnets],
        tags=context.tags,
        opts=context.options(),
    )
    return {
        "arn": created.arn,
        "endpoint_ids": [_find_endpoint(created, subnet) for subnet in subnets],
        "return_table_ids": egress["return_table_ids"],
    }


def _find_endpoint(firewall: aws.networkfirewall.Firewall, subnet: aws.ec2.Subnet) -> pulumi.Output[str]:
    """Find the endpoint of a firewall in a subnet, by which routes name it."""

    def find(statuses: Any, subnet_id: str) -> str:
        attached = (it for status in statuses for state in status.sync_states for it in state.attachments)
        for it in attached:
            if it.subnet_id == subnet_id:
                return str(it.endpoint_id)
        message = f"The firewall has no endpoint in subnet {subnet_id} yet."
        raise ProviderError(message, provider="aws", hint="Deploy again.")

    # Output.all would turn the statuses into plain dictionaries.
    found: pulumi.Output[str] = firewall.firewall_statuses.apply(
        lambda statuses: subnet.id.apply(lambda subnet_id: find(statuses, subnet_id))
    )
    return found


def _create_policy(firewall: NetworkFirewall, context: ProgramContext) -> aws.networkfirewall.FirewallPolicy:
    """Create a policy that drops what its one group of rules does not pass."""
    hosts = firewall.allowed_hosts
    rules = aws.networkfirewall.RuleGroup(
        firewall.name,
        name=aws_name("firewall", context),
        type="STATEFUL",
        capacity=_RULES_CAPACITY,
        rule_group={
            "rule_variables": {"ip_sets": [{"key": "HOME_NET", "ip_set": {"definitions": list(firewall.sources)}}]},
            "rules_source": _pass_hosts(hosts) if hosts else _pass_every_host(),
            "stateful_rule_options": _STRICT_ORDER,
        },
        tags=context.tags,
        opts=context.options(),
    )
    return aws.networkfirewall.FirewallPolicy(
        firewall.name,
        name=aws_name("firewall", context),
        firewall_policy={
            "stateless_default_actions": _FORWARD,
            "stateless_fragment_default_actions": _FORWARD,
            "stateful_engine_options": _STRICT_ORDER,
            "stateful_default_actions": ["aws:drop_established"],
            "stateful_rule_group_references": [{"resource_arn": rules.arn, "priority": 1}],
        },
        tags=context.tags,
        opts=context.options(),
    )


def _pass_hosts(hosts: tuple[str, ...]) -> dict[str, Any]:
    """Pass TLS by the name of its host; a leading dot stands for every name below."""
    targets = [host.removeprefix("*") for host in hosts]
    allowed = {"generated_rules_type": "ALLOWLIST", "target_types": ["TLS_SNI"], "targets": targets}
    return {"rules_source_list": allowed}


def _pass_every_host() -> dict[str, Any]:
    header = {
        "protocol": "TLS",
        "source": "$HOME_NET",
        "source_port": "ANY",
        "direction": "FORWARD",
        "destination": "ANY",
        "destination_port": "443",
    }
    rule = {"action": "PASS", "header": header, "rule_options": [{"keyword": "sid", "settings": ["1"]}]}
    return {"stateful_rules": [rule]}


def create_bastion_host(bastion: BastionHost, context: ProgramContext) -> Outputs:
    """Create an Instance Connect Endpoint in the first zone: people reach machines through it with their AWS login."""
    created = aws.ec2transitgateway.InstanceConnectEndpoint(
        bastion.name,
        subnet_id=context.outputs[bastion.subnet]["subnet_ids"][0],
        security_group_ids=[context.outputs[bastion.access][NetworkPart.BASTION.value]],
        preserve_client_ip=False,
        tags=name_tags(context, bastion.name),
        opts=context.options(),
    )
    return {"id": created.id, "name": created.dns_name}

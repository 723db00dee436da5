"""Clusters of ECS with a namespace in which services have names, and registries of images."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.compute.containers import ContainerEnvironment, ImageRegistry
from semantest_iac.domain.networking.virtual_networks import VirtualNetwork
from semantest_iac.infrastructure.cloud_programs.aws.foundation import allow_actions, aws_name
from semantest_iac.infrastructure.cloud_programs.aws.platform.virtual_networks import ANYWHERE, create_virtual_network
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_OWN_NETWORK_CIDR = "10.0.0.0/24"  # of an environment that lies in no network of the stack
_ALL_PORTS = {"ip_protocol": "tcp", "from_port": 0, "to_port": 65535}
_TOP_LEVEL = "internal"  # reserved for private networks by ICANN, and letters alone, as rules about hosts ask for
_UNTAGGED_DAYS = 14
_PULL_ACTIONS = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def create_container_environment(environment: ContainerEnvironment, context: ProgramContext) -> Outputs:
    """Create a cluster, and a namespace for the names of its services in the network.

    Container Insights counts the running tasks, by which services scale on queues. Zones are those of the subnets.
    """
    network = _find_network(environment, context)
    cluster = aws.ecs.Cluster(
        environment.name,
        name=aws_name("cluster", context, environment.name),
        settings=[{"name": "containerInsights", "value": "enabled"}],
        tags=context.tags,
        opts=context.options(),
    )
    host = f"{aws_name('namespace', context, environment.name)}.{_TOP_LEVEL}"
    namespace = aws.servicediscovery.PrivateDnsNamespace(
        environment.name,
        name=host,
        vpc=network["vpc_id"],
        tags=context.tags,
        opts=context.options(),
    )
    return {
        "id": cluster.arn,
        "arn": cluster.arn,
        "name": cluster.name,
        "host": host,
        "namespace_id": namespace.id,
        **network,
    }


def _find_network(environment: ContainerEnvironment, context: ProgramContext) -> dict[str, Any]:
    """Return the subnets in which tasks run; without a network of the stack, of one that is made for them.

    That has no gateway with a price: its tasks have public addresses, at which nothing lets anybody in.
    """
    if environment.subnet and environment.network:
        subnet = context.outputs[environment.subnet]
        return {
            "vpc_id": context.outputs[environment.network]["id"],
            "cidr": context.outputs[environment.network]["cidr"],
            "subnet_ids": subnet["subnet_ids"],
            "security_group_ids": subnet["security_group_ids"],
            "has_public_addresses": False,
        }
    own = VirtualNetwork(name=environment.name, cidr=_OWN_NETWORK_CIDR, public_cidr=_OWN_NETWORK_CIDR)
    network = create_virtual_network(own, context)
    group = _create_group(environment, network["id"], context)
    return {
        "vpc_id": network["id"],
        "cidr": network["cidr"],
        "subnet_ids": network["public_subnet_ids"],
        "security_group_ids": [group.id],
        "has_public_addresses": True,
    }


def _create_group(
    environment: ContainerEnvironment, vpc_id: pulumi.Input[str], context: ProgramContext
) -> aws.ec2.SecurityGroup:
    """Create a group whose members reach each other and everybody else, and that nobody else reaches."""
    group = aws.ec2.SecurityGroup(
        environment.name,
        name=aws_name("security group", context, environment.name),
        description="Semantest services: in from each other, out to everywhere",
        vpc_id=vpc_id,
        tags=context.tags,
        opts=context.options(delete_before_replace=False),
    )
    aws.vpc.SecurityGroupIngressRule(
        environment.name,
        security_group_id=group.id,
        referenced_security_group_id=group.id,
        tags=context.tags,
        opts=context.options(),
        **_ALL_PORTS,
    )
    aws.vpc.SecurityGroupEgressRule(
        environment.name,
        security_group_id=group.id,
        cidr_ipv4=ANYWHERE,
        tags=context.tags,
        opts=context.options(),
        **_ALL_PORTS,
    )
    return group


def create_image_registry(registry: ImageRegistry, context: ProgramContext) -> Outputs:
    """Create a repository for each service, in which a tag is for good; a destroy deletes their images, too.

    The registry itself is that of the account. Every request is signed, from wherever it comes.
    """
    prefix = aws_name("repository", context, registry.name)
    repositories = {}
    for service in registry.repositories:
        repository = aws.ecr.Repository(
            f"{registry.name}-{service}",
            name=f"{prefix}/{service}",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            force_delete=True,
            tags=context.tags,
            opts=context.options(),
        )
        repositories[service] = repository.repository_url
        aws.ecr.LifecyclePolicy(
            f"{registry.name}-{service}",
            repository=repository.name,
            policy=json.dumps({"rules": [_UNTAGGED_RULE]}, sort_keys=True),
            opts=context.options(),
        )
    caller = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=context.parent))
    region = context.stack.region
    images = pulumi.Output.format("arn:aws:ecr:{0}:{1}:repository/{2}/*", region, caller.account_id, prefix)
    return {
        "name": prefix,
        "repositories": repositories,
        "address": pulumi.Output.format("{0}.dkr.ecr.{1}.amazonaws.com/{2}", caller.account_id, region, prefix),
        "pull_statements": [
            allow_actions(["ecr:GetAuthorizationToken"], ["*"]),  # which ECR limits to no resource
            allow_actions(_PULL_ACTIONS, [images]),
        ],
    }


_UNTAGGED_RULE = {
    "rulePriority": 1,
    "description": f"images without a tag go after {_UNTAGGED_DAYS} days",
    "selection": {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": _UNTAGGED_DAYS,
    },
    "action": {"type": "expire"},
}

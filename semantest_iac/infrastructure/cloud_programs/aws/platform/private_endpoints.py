"""Private endpoints of AWS's services in a VPC."""

from __future__ import annotations

import pulumi_aws as aws

from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.infrastructure.cloud_programs.aws.platform.virtual_networks import name_tags
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

INTERFACE_SERVICES: dict[PrivateService, tuple[str, ...]] = {
    PrivateService.CONTAINERS: ("ecs", "ecs-agent", "ecs-telemetry"),
    PrivateService.FILES: ("elasticfilesystem",),
    PrivateService.FUNCTIONS: ("lambda",),
    PrivateService.GATEWAY: ("execute-api",),
    PrivateService.IMAGES: ("ecr.api", "ecr.dkr"),
    PrivateService.MESSAGING: ("sns", "sqs"),
    PrivateService.PIPELINES: ("glue", "states"),
    PrivateService.SECRETS: ("secretsmanager",),
}
"""The names of services that get addresses in a subnet; source: the documentation of VPC on AWS PrivateLink."""

GATEWAY_SERVICES: dict[PrivateService, tuple[str, ...]] = {
    PrivateService.DOCUMENTS: ("dynamodb",),
    PrivateService.OBJECTS: ("s3",),
    PrivateService.TABLES: ("dynamodb",),
}
"""The names of services that route tables lead to; source: the documentation of VPC on gateway endpoints.

What lies in the subnets itself, a database or a cache, needs no endpoint.
"""
_OWNERS = {"dynamodb": f"endpoint-{PrivateService.DOCUMENTS}"}
"""The endpoints after which those of route tables are named: a table leads to a service once, whoever needs it."""


def create_private_endpoint(endpoint: PrivateEndpoint, context: ProgramContext) -> Outputs:
    """Create an endpoint for each of AWS's services that the service stands for, with the names they have outside."""
    subnet, vpc_id = context.outputs[endpoint.subnet], context.outputs[endpoint.network]["id"]
    prefix = f"com.amazonaws.{context.stack.region}"
    for name in INTERFACE_SERVICES.get(endpoint.service, ()):
        aws.ec2.VpcEndpoint(
            f"{endpoint.name}-{name}",
            vpc_id=vpc_id,
            service_name=f"{prefix}.{name}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=subnet["subnet_ids"],
            security_group_ids=subnet["security_group_ids"],
            tags=name_tags(context, f"{endpoint.name}-{name}"),
            opts=context.options(),
        )
    tables = [table for ref in endpoint.reached_from for table in context.outputs[ref]["route_table_ids"]]
    for name in () if endpoint.companion else GATEWAY_SERVICES.get(endpoint.service, ()):
        pulumi_name = f"{_OWNERS.get(name, endpoint.name)}-{name}"
        aws.ec2.VpcEndpoint(
            pulumi_name,
            vpc_id=vpc_id,
            service_name=f"{prefix}.{name}",
            vpc_endpoint_type="Gateway",
            route_table_ids=tables,
            tags=name_tags(context, pulumi_name),
            opts=context.options(),
        )
    return {"zone": context.stack.region}

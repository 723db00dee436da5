"""The load balancer in front of services: one name for each of them, by which it chooses where a request goes."""

from __future__ import annotations

import pulumi_aws as aws

from semantest_iac.domain.compute.containers import ContainerService
from semantest_iac.domain.networking.access_rules import HTTP_PORT
from semantest_iac.domain.networking.networks import LoadBalancer
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_DRAINING_S = 30  # for how long an instance that goes may finish what it has
_HEALTHY_AFTER = 2  # good answers in a row
_GOOD_ANSWERS = "200-399"


def create_load_balancer(balancer: LoadBalancer, context: ProgramContext) -> Outputs:
    """Create a balancer inside the network, which answers 404 to names that no service has.

    It listens to HTTP: a certificate of HTTPS would be for a public domain, or from a private authority, which is paid
    for by the month.
    """
    environment = context.outputs[balancer.runs_in]
    subnet = context.outputs[balancer.subnet] if balancer.subnet else environment
    created = aws.lb.LoadBalancer(
        balancer.name,
        # In another network it is another one, beside which the old one stays until nothing uses that.
        name=aws_name("load balancer", context, f"{balancer.name}-{environment['cidr']}"),
        internal=True,
        load_balancer_type="application",
        subnets=subnet["subnet_ids"],
        security_groups=subnet["security_group_ids"],
        drop_invalid_header_fields=True,
        tags=context.tags,
        opts=context.options(),
    )
    nobody = {"content_type": "application/json", "message_body": '{"message":"Not Found"}', "status_code": "404"}
    listener = aws.lb.Listener(
        balancer.name,
        load_balancer_arn=created.arn,
        port=HTTP_PORT,
        protocol="HTTP",
        default_actions=[{"type": "fixed-response", "fixed_response": nobody}],
        tags=context.tags,
        opts=context.options(),
    )
    return {
        "id": created.arn,
        "arn": created.arn,
        "name": created.name,
        "suffix": created.arn_suffix,
        "address": created.dns_name,
        "listener_arn": listener.arn,
        "resource": listener,
        "port": HTTP_PORT,
    }


def register_service(service: ContainerService, context: ProgramContext) -> tuple[aws.lb.TargetGroup, Outputs]:
    """Give a service a name in the network that leads to the balancer, and the balancer a rule for that name.

    Returns the group of its instances, and what others need: `host` and `rule`.
    """
    environment, balancer = context.outputs[service.runs_in], context.outputs[str(service.balancer)]
    probe = service.probe
    group = aws.lb.TargetGroup(
        service.name,
        # Another network makes another group, which the rule has to name before the old one can go.
        name=aws_name("target group", context, f"{service.service}-{environment['cidr']}"),
        port=HTTP_PORT,  # ECS registers each task with the port of its container; source: aws/aws-cdk issue 5286
        protocol="HTTP",
        target_type="ip",
        vpc_id=environment["vpc_id"],
        deregistration_delay=_DRAINING_S,
        health_check={
            "path": probe.path,
            "protocol": "HTTP",
            "interval": probe.interval_s,
            "timeout": probe.timeout_s,
            "healthy_threshold": _HEALTHY_AFTER,
            "unhealthy_threshold": probe.failures,
            "matcher": _GOOD_ANSWERS,
        },
        tags=context.tags,
        opts=context.options(),
    )
    host = f"{service.service}.{environment['host']}"
    rule = aws.lb.ListenerRule(
        service.name,
        listener_arn=balancer["listener_arn"],
        conditions=[{"host_header": {"values": [host]}}],
        actions=[{"type": "forward", "target_group_arn": group.arn}],
        tags=context.tags,
        opts=context.options(),
    )
    _name_service(service, context)
    return group, {"host": host, "rule": rule}


def _name_service(service: ContainerService, context: ProgramContext) -> None:
    """Register the balancer in Cloud Map under the name of the service, as an alias.

    Source: Cloud Map's reference of RegisterInstance (AWS_ALIAS_DNS_NAME) and of DnsConfig (WEIGHTED).
    """
    named = aws.servicediscovery.Service(
        service.name,
        name=service.service,
        dns_config={
            "namespace_id": context.outputs[service.runs_in]["namespace_id"],
            "routing_policy": "WEIGHTED",
            "dns_records": [{"type": "A", "ttl": 60}],
        },
        tags=context.tags,
        opts=context.options(),
    )
    aws.servicediscovery.Instance(
        service.name,
        service_id=named.id,
        instance_id="load-balancer",
        attributes={"AWS_ALIAS_DNS_NAME": context.outputs[str(service.balancer)]["address"]},
        opts=context.options(),
    )

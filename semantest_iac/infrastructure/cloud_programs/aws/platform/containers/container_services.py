"""Services of ECS on Fargate: what a task runs, with which rights, and how many there are."""

from __future__ import annotations

from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.compute.containers import ContainerService, service_variable
from semantest_iac.infrastructure.cloud_programs.aws.foundation import (
    allow_actions,
    attach_policy,
    aws_name,
    create_role,
)
from semantest_iac.infrastructure.cloud_programs.aws.platform.containers.load_balancers import register_service
from semantest_iac.infrastructure.cloud_programs.aws.platform.containers.service_scaling import scale_service
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.cloud_programs.service_images import provide_image
from semantest_iac.infrastructure.clouds.plan.aws_container_sizes import choose_minimum, choose_task_size
from semantest_iac.infrastructure.container_images.registry_client import PasswordLogin, RegistryLogin

_TASKS = "ecs-tasks.amazonaws.com"


def create_container_service(service: ContainerService, context: ProgramContext) -> Outputs:
    """Create a service that a deployment waits for: it fails where the new tasks do not stay.

    ECS does not go back by itself, because the provider takes that for a success; this tool goes back instead.
    """
    environment = context.outputs[service.runs_in]
    rights = _grant_rights(service, context)
    image = _provide_image(service, context)
    task = _define_task(service, image, context)
    group, place = register_service(service, context) if service.balancer else (None, {})
    is_scaled = service.scaling.maximum > choose_minimum(service.scaling)
    created = aws.ecs.Service(
        service.name,
        name=aws_name("service", context, service.service),
        cluster=environment["arn"],
        task_definition=task.arn,
        desired_count=choose_minimum(service.scaling),
        launch_type="FARGATE",
        platform_version="LATEST",
        network_configuration={
            "subnets": environment["subnet_ids"],
            "security_groups": environment["security_group_ids"],
            "assign_public_ip": environment["has_public_addresses"],
        },
        load_balancers=[_balance(service, group)] if group else None,
        health_check_grace_period_seconds=service.probe.start_s if group else None,
        deployment_circuit_breaker={"enable": True, "rollback": False},
        deployment_minimum_healthy_percent=100,
        deployment_maximum_percent=200,
        wait_for_steady_state=True,
        enable_ecs_managed_tags=True,
        propagate_tags="SERVICE",
        tags=context.tags,
        opts=context.options(
            depends_on=[*rights, *([place["rule"]] if group else [])],
            ignore_changes=["desiredCount"] if is_scaled else None,  # the scaling has changed it since
        ),
    )
    if is_scaled:
        scale_service(service, created, group, context)
    host = place.get("host", "")
    return {
        "id": created.arn,
        "arn": created.arn,
        "name": created.name,
        "cluster": environment["name"],
        "target_group": group.arn_suffix if group else None,
        "balancer": context.outputs[str(service.balancer)]["suffix"] if service.balancer else None,
        "task": task.arn,
        "host": host,
        "address": f"http://{host}" if host else None,
        "image": image,
    }


def _balance(service: ContainerService, group: aws.lb.TargetGroup) -> dict[str, Any]:
    return {"container_name": service.service, "container_port": service.port, "target_group_arn": group.arn}


def _define_task(
    service: ContainerService, image: pulumi.Input[str], context: ProgramContext
) -> aws.ecs.TaskDefinition:
    size = choose_task_size(service.cpu, service.memory_mb)
    container = {
        "name": service.service,
        "image": image,
        "essential": True,
        "portMappings": [{"containerPort": service.port, "protocol": "tcp"}],
        "environment": [{"name": name, "value": value} for name, value in _list_variables(service, context)],
        "secrets": [
            {"name": setting, "valueFrom": _point_at_value(context.outputs[ref])}
            for setting, ref in sorted(service.secrets.items())
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": context.outputs[service.log_store]["name"],
                "awslogs-region": context.stack.region,
                "awslogs-stream-prefix": service.service,
            },
        },
    }
    return aws.ecs.TaskDefinition(
        service.name,
        family=aws_name("service", context, service.service),
        cpu=str(size.cpu_units),
        memory=str(size.memory_mb),
        network_mode="awsvpc",
        requires_compatibilities=["FARGATE"],
        runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": "X86_64"},
        execution_role_arn=_create_starting_role(service, context).arn,
        task_role_arn=context.outputs[service.identity]["arn"],
        container_definitions=pulumi.Output.json_dumps([container], sort_keys=True),
        tags=context.tags,
        opts=context.options(),
    )


def _provide_image(service: ContainerService, context: ProgramContext) -> pulumi.Input[str]:
    if service.registry is None:
        return service.image
    repository = context.outputs[service.registry]["repositories"][service.service]
    return provide_image(service, repository, partial(_log_in, context), context)


def _log_in(context: ProgramContext) -> pulumi.Output[RegistryLogin]:
    """Log in to ECR as the provider does to everything else; the password holds for twelve hours.

    Source: ECR's reference of GetAuthorizationToken.
    """
    token = aws.ecr.get_authorization_token_output(opts=pulumi.InvokeOutputOptions(parent=context.parent))
    login: pulumi.Output[RegistryLogin] = token.apply(lambda it: PasswordLogin(it.user_name, it.password))
    return login


def _list_variables(service: ContainerService, context: ProgramContext) -> list[tuple[str, pulumi.Input[str]]]:
    """Return the variables by name: its own, where what it uses is, and the addresses of the services that it calls."""
    variables: dict[str, pulumi.Input[str]] = {}
    for ref in service.uses:
        variables |= context.outputs[ref].get("variables", {})
    for ref in service.receives_from:
        variables |= context.outputs[ref].get("receive_variables", {})
    host = context.outputs[service.runs_in]["host"]
    variables |= {service_variable(name): f"http://{name}.{host}" for name in service.calls}
    return sorted({**variables, **service.environment, "PORT": str(service.port)}.items())


def _point_at_value(secret: Outputs) -> pulumi.Input[str]:
    """Return the place of the very value, so that another one makes another revision, and with it new tasks.

    A value that was set in Secrets Manager has a version of its own. Source: ECS's guide, secrets as environment
    variables (the full ARN with a version id).
    """
    version = secret["version"] or secret["resource"].version_id
    return pulumi.Output.concat(secret["arn"], ":::", version)


def _create_starting_role(service: ContainerService, context: ProgramContext) -> aws.iam.Role:
    """Create the role with which Fargate fetches the image and the secrets, and writes the log; code never has it."""
    outputs = context.outputs
    name = f"{service.name}-start"
    role = create_role(name, f"{service.service}-start", _TASKS, context)
    secrets = [outputs[ref] for ref in sorted({*service.secrets.values()})]
    vaults = sorted({secret["vault"] for secret in secrets if secret.get("vault")})
    streams = pulumi.Output.concat(outputs[service.log_store]["arn"], ":*")
    statements = [
        allow_actions(["logs:CreateLogStream", "logs:PutLogEvents"], [streams]),
        *(outputs[service.registry]["pull_statements"] if service.registry else ()),
        *([allow_actions(["secretsmanager:GetSecretValue"], [it["arn"] for it in secrets])] if secrets else ()),
        *([allow_actions(["kms:Decrypt"], [outputs[vault]["arn"] for vault in vaults])] if vaults else ()),
    ]
    attach_policy(name, role.name, statements, context, policy_name="start")
    return role


def _grant_rights(service: ContainerService, context: ProgramContext) -> list[pulumi.Resource]:
    """Put what the service may do into the role of its identity, under the name of the service."""
    wanted = [
        *((ref, "statements") for ref in service.uses),
        *((ref, "receive_statements") for ref in service.receives_from),
    ]
    statements = [statement for ref, key in wanted for statement in context.outputs[ref].get(key, ())]
    role = context.outputs[service.identity]["name"]
    return [attach_policy(service.name, role, statements, context)] if statements else []

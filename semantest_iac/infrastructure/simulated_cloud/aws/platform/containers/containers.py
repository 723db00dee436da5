"""Clusters, task definitions and services of ECS, and repositories of images.

Source of what is `OBSERVED`: answers of AWS in reports of its users, which name them word by word; of what is `DOC`:
ECS's page on invalid sizes of tasks; of what is `API`: the references of ECS and ECR.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.platform.containers.load_balancers import (
    TARGET_GROUP_TYPE,
    forwards_to,
)
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    OBSERVED,
    Evidence,
    OneOf,
    Pattern,
    ValueKind,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import change_kind, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts, ResourceProperties

CLUSTER_TYPE: Final = "aws:ecs/cluster:Cluster"
TASK_DEFINITION_TYPE: Final = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE_TYPE: Final = "aws:ecs/service:Service"
REPOSITORY_TYPE: Final = "aws:ecr/repository:Repository"
REPOSITORY_LIFECYCLE_TYPE: Final = "aws:ecr/lifecyclePolicy:LifecyclePolicy"

_FARGATE: Final = "FARGATE"
_NAME: Final = Pattern(r"^[a-zA-Z0-9_-]{1,255}$", API)
_SECONDS_PER_SERVICE: Final = 120

FARGATE_MEMORIES: Final[Mapping[int, tuple[int, ...]]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
"""The MB of memory that a task may have, by its units of processors."""


def _containers(facts: ResourceProperties) -> list[Mapping[str, Any]]:
    """Return the containers of a task definition; none where the text is no list of them."""
    try:
        found = json.loads(str(facts["containerDefinitions"]))
    except ValueError:
        return []
    return [it for it in found if isinstance(it, Mapping)] if isinstance(found, list) else []


def _is_for_fargate(facts: ResourceProperties) -> bool:
    return _FARGATE in (facts["requiresCompatibilities"] or ())


def _has_no_container(context: GuardContext) -> bool:
    return not _containers(context.facts)


def _is_of_unknown_size(context: GuardContext) -> bool:
    facts = context.facts
    cpu, memory = str(facts["cpu"] or ""), str(facts["memory"] or "")
    known = cpu.isdecimal() and memory.isdecimal() and int(memory) in FARGATE_MEMORIES.get(int(cpu), ())
    return _is_for_fargate(facts) and not known


def _is_in_other_network(context: GuardContext) -> bool:
    return _is_for_fargate(context.facts) and context.facts["networkMode"] != "awsvpc"


def _logs_without_role(context: GuardContext) -> bool:
    drivers = [(it.get("logConfiguration") or {}).get("logDriver") for it in _containers(context.facts)]
    return _is_for_fargate(context.facts) and "awslogs" in drivers and not context.facts["executionRoleArn"]


def _reads_secrets_without_role(context: GuardContext) -> bool:
    return not context.facts["executionRoleArn"] and any(it.get("secrets") for it in _containers(context.facts))


def _count_revision(context: GuardContext) -> bool:
    """Note the number of the revision, one more than the newest of the family; refuse nothing."""
    family = context.facts["family"]
    known = (row for row in context.resources_of(TASK_DEFINITION_TYPE) if row["family"] == family)
    context.facts["revision_number"] = 1 + max((int(row["revision"]) for row in known), default=0)
    return False


def _refuse(applies: Callable[[GuardContext], bool], code: str, message: str, evidence: Evidence) -> RequestGuard:
    return RequestGuard(applies, Refusal(code, message), evidence)


_TASK_GUARDS: Final = (
    _refuse(_has_no_container, "ClientException", "Container list cannot be empty.", OBSERVED),
    _refuse(_is_of_unknown_size, "ClientException", "No Fargate configuration exists for given values.", DOC),
    _refuse(_is_in_other_network, "ClientException", "Fargate only supports network mode 'awsvpc'.", OBSERVED),
    _refuse(
        _logs_without_role,
        "ClientException",
        "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        OBSERVED,
    ),
    _refuse(
        _reads_secrets_without_role,
        "ClientException",
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        OBSERVED,
    ),
    _refuse(_count_revision, "", "", OBSERVED),
)


def _find_task(context: GuardContext) -> ResourceProperties:
    found = context.facts["task"]
    return found if isinstance(found, Mapping) else {}


def _balanced(context: GuardContext) -> Iterator[Mapping[str, Any]]:
    yield from context.facts["loadBalancers"] or ()


def _lacks_network(context: GuardContext) -> bool:
    return _find_task(context).get("networkMode") == "awsvpc" and not context.facts["networkConfiguration"]


def _cannot_launch(context: GuardContext) -> bool:
    task = _find_task(context)
    return bool(task) and context.facts["launchType"] == _FARGATE and not _is_for_fargate(task)


def _names_unknown_container(context: GuardContext) -> bool:
    known = {it.get("name") for it in _containers(_find_task(context))} if _find_task(context) else None
    unknown = [
        it["containerName"] for it in _balanced(context) if known is not None and it["containerName"] not in known
    ]
    context.facts["container"] = next(iter(unknown), "")
    return bool(unknown)


def _names_unknown_port(context: GuardContext) -> bool:
    task = _find_task(context)
    ports = {
        (it.get("name"), port.get("containerPort")) for it in _containers(task) for port in it.get("portMappings") or ()
    }
    used = [(it["containerName"], int(it["containerPort"])) for it in _balanced(context)]
    unknown = [pair for pair in used if task and pair not in ports]
    context.facts["container"], context.facts["port"] = next(iter(unknown), ("", 0))
    return bool(unknown)


def _has_group_without_balancer(context: GuardContext) -> bool:
    groups = [str(it["targetGroupArn"]) for it in _balanced(context) if it.get("targetGroupArn")]
    unused = [arn for arn in groups if not forwards_to(context, arn)]
    context.facts["group_arn"] = next(iter(unused), "")
    return bool(unused)


def _has_group_of_instances(context: GuardContext) -> bool:
    group = context.facts["group"]
    kind = group["targetType"] or "instance" if isinstance(group, Mapping) and group else "ip"
    context.facts["group_arn"], context.facts["target_type"] = (group["arn"], kind) if group else ("", "")
    return kind == "instance" and _find_task(context).get("networkMode") == "awsvpc"


def _waits_without_balancer(context: GuardContext) -> bool:
    return bool(context.facts["healthCheckGracePeriodSeconds"]) and not context.facts["loadBalancers"]


def _refuse_service(applies: Callable[[GuardContext], bool], message: str) -> RequestGuard:
    return _refuse(applies, "InvalidParameterException", message, OBSERVED)


_SERVICE_GUARDS: Final = (
    _refuse_service(_lacks_network, "Network Configuration must be provided when networkMode 'awsvpc' is specified."),
    _refuse_service(_cannot_launch, "Task definition does not support launch_type FARGATE."),
    _refuse_service(_names_unknown_container, "The container {container} does not exist in the task definition."),
    _refuse_service(_names_unknown_port, "The container {container} did not have a container port {port} defined."),
    _refuse_service(
        _has_group_without_balancer,
        "The target group with targetGroupArn {group_arn} does not have an associated load balancer.",
    ),
    _refuse_service(
        _has_group_of_instances,
        "The provided target group {group_arn} has target type {target_type}, which is incompatible with the awsvpc "
        "network mode specified in the task definition.",
    ),
    _refuse_service(
        _waits_without_balancer,
        "Health check grace period is only valid for services configured to use load balancers",
    ),
)


def _cluster_name(facts: RequestFacts) -> str:
    """Return the name of the cluster of a service, which is given by name or by ARN."""
    return str(facts["cluster"] or "default").rpartition("/")[2]


def _service_arn(facts: RequestFacts) -> str:
    return f"arn:aws:ecs:{facts['region']}:{facts['account']}:service/{_cluster_name(facts)}/{facts['name']}"


def scalable_service(facts: RequestFacts) -> str:
    """Return the name by which Application Auto Scaling knows a service."""
    return f"service/{_cluster_name(facts)}/{facts['name']}"


CONTAINER_TYPES: Final[dict[str, TypeRule]] = {
    CLUSTER_TYPE: AwsType(CLUSTER_TYPE, "{arn}").rule(
        {"name": refine(_NAME), "settings": change_kind(ValueKind.SET)},
        computed={
            "arn": "arn:aws:ecs:{region}:{account}:cluster/{name}",
            "settings": lambda _: [{"name": "containerInsights", "value": "disabled"}],
        },
        create_overwrites=True,  # a create of an active cluster returns it, as the reference of CreateCluster says
        in_use_refusal=Refusal(
            "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
        ),
    ),
    TASK_DEFINITION_TYPE: AwsType(TASK_DEFINITION_TYPE, "{family}").rule(
        {
            "containerDefinitions": change_kind(ValueKind.JSON),
            "family": refine(_NAME),
        },
        computed={
            "arn": "arn:aws:ecs:{region}:{account}:task-definition/{family}:{revision_number}",
            "arnWithoutRevision": "arn:aws:ecs:{region}:{account}:task-definition/{family}",
            "revision": lambda facts: facts["revision_number"],
            "networkMode": "bridge",
        },
        unique=(),  # a family has many
        unique_within=("arn",),
        guards=_TASK_GUARDS,
    ),
    SERVICE_TYPE: AwsType(SERVICE_TYPE, "{arn}").rule(
        {
            "name": refine(_NAME),
            "networkConfiguration.securityGroups": change_kind(ValueKind.SET),
            "networkConfiguration.subnets": change_kind(ValueKind.SET),
            "loadBalancers": change_kind(ValueKind.SET),
            "launchType": refine(force_new=True),
        },
        computed={
            "arn": _service_arn,
            "availabilityZoneRebalancing": "ENABLED",
            "deploymentConfiguration": lambda _: {"bakeTimeInMinutes": "0", "strategy": "ROLLING"},
            "iamRole": "",
            "launchType": "EC2",
            "platformVersion": "LATEST",
            "triggers": lambda _: {},
        },
        handles=("{arn}", scalable_service),
        unique=(
            UniqueHandle(
                "{cluster}/{name}",
                Refusal("InvalidParameterException", "Creation of service was not idempotent."),
            ),
        ),
        references=(
            ResourceReference(
                "cluster",
                (CLUSTER_TYPE,),
                Refusal("ClusterNotFoundException", "Cluster not found."),
                API,
                fact_name="cluster_found",
                on_delete=OnDelete.REFUSE,
            ),
            ResourceReference(
                "taskDefinition",
                (TASK_DEFINITION_TYPE,),
                Refusal("ClientException", "Unable to describe task definition."),
                OBSERVED,
                fact_name="task",
                pattern=r"^(arn:.+)$",
            ),
            ResourceReference(
                "loadBalancers.*.targetGroupArn",
                (TARGET_GROUP_TYPE,),
                Refusal("InvalidParameterException", "Unable to find the target group {value}."),
                API,
                fact_name="group",
            ),
        ),
        guards=_SERVICE_GUARDS,
        latency_seconds=_SECONDS_PER_SERVICE,
    ),
    REPOSITORY_TYPE: AwsType(REPOSITORY_TYPE).rule(
        {"encryptionConfigurations.encryptionType": refine(OneOf(("AES256", "KMS", "KMS_DSSE"), API))},
        computed={"repositoryUrl": "{account}.dkr.ecr.{region}.amazonaws.com/{name}"},
        exists=Refusal(
            "RepositoryAlreadyExistsException",
            "The repository with name '{name}' already exists in the registry with id '{account}'",
        ),
    ),
    REPOSITORY_LIFECYCLE_TYPE: AwsType(REPOSITORY_LIFECYCLE_TYPE, "{repository}").rule(
        {"policy": change_kind(ValueKind.JSON), "repository": refine(force_new=True)},
        references=(
            ResourceReference(
                "repository",
                (REPOSITORY_TYPE,),
                Refusal(
                    "RepositoryNotFoundException",
                    "The repository with name '{value}' does not exist in the registry with id '{account}'",
                ),
                API,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        create_overwrites=True,  # as PutLifecyclePolicy does
    ),
}

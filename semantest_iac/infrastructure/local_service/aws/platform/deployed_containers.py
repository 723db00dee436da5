"""What the containers of ECS services get, read from deployed task definitions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from semantest_iac.infrastructure.function_runtimes.platforms import SANDBOX_CREDENTIALS
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.aws.api_frontend import outputs_of_type, read_secret_values
from semantest_iac.infrastructure.local_service.containers.service_spec import DeployedContainer, IngressRules

_BALANCER_TYPE = "aws:lb/loadBalancer:LoadBalancer"
_USUAL_IDLE_S = 60  # of an Application Load Balancer where nobody says otherwise
_TASK_TYPE = "aws:ecs/taskDefinition:TaskDefinition"
_VERSION_MARK = ":::"  # between the ARN of a secret and the version of its value


def read_containers(resources: DeployedResources) -> Iterator[DeployedContainer]:
    """Yield the containers of all services of a stack."""
    secrets = read_secret_values(resources)
    balancers = outputs_of_type(resources, _BALANCER_TYPE)
    balancer = next((it for it in balancers if it.get("loadBalancerType") == "application"), {})
    ingress = IngressRules(float(balancer.get("idleTimeout") or _USUAL_IDLE_S), broken_status=502)
    for task in outputs_of_type(resources, _TASK_TYPE):
        own = _describe_fargate(str(task["arn"]).split(":")[3])
        for container in json.loads(task["containerDefinitions"]):
            references = {it["name"]: _find_secret(it["valueFrom"]) for it in container.get("secrets") or ()}
            yield DeployedContainer(
                container["name"],
                ingress,
                {**own, **{it["name"]: it["value"] for it in container.get("environment") or ()}},
                {name: secrets[arn] for name, arn in references.items() if arn in secrets},
            )


def _find_secret(reference: str) -> str:
    return reference.partition(_VERSION_MARK)[0]


def _describe_fargate(region: str) -> Mapping[str, str]:
    """Return what Fargate sets, with keys that the real AWS refuses; there is no metadata service here."""
    return {
        **SANDBOX_CREDENTIALS,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": region,
    }

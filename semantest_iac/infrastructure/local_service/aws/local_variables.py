"""Changes the variables of deployed functions to those with which they run on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from semantest_iac.domain.compute.triggers import CALL_VARIABLE_PREFIX
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.aws.live_versions import LAMBDA_TYPE, ResourceOutputs


def find_message_addresses(url: str, resources: DeployedResources) -> Mapping[str, str]:
    """Return where SDKs and the helpers of packages reach the queues, topics and functions of this machine."""
    found = {"AWS_ENDPOINT_URL_SQS": url, "AWS_ENDPOINT_URL_SNS": url}
    return {**found, "AWS_ENDPOINT_URL_LAMBDA": url} if list_called_functions(resources) else found


def list_called_functions(resources: DeployedResources) -> list[str]:
    """Return the ARNs by which functions of a stack call others, each once."""
    found: set[str] = set()
    for function in (it.outputs for it in resources if it.type == LAMBDA_TYPE):
        environment = function.get("environment")
        variables = (environment.get("variables") or {}) if isinstance(environment, Mapping) else {}
        if isinstance(variables, Mapping):  # else not known
            found |= {str(arn) for name, arn in variables.items() if name.startswith(CALL_VARIABLE_PREFIX)}
    return sorted(found)


def add_local_variables(resources: DeployedResources, variables: Mapping[str, str]) -> list[DeployedResource]:
    """Return the resources of a stack with further variables of its functions, in all of their versions."""
    return [_add_to_function(it, variables) if it.type == LAMBDA_TYPE else it for it in resources]


def _add_to_function(function: DeployedResource, variables: Mapping[str, str]) -> DeployedResource:
    versions = {name: _add_to_version(outputs, variables) for name, outputs in function.versions.items()}
    return replace(function, outputs=_add_to_version(function.outputs, variables), versions=versions)


def _add_to_version(outputs: ResourceOutputs, variables: Mapping[str, str]) -> ResourceOutputs:
    """Add the variables; those of a version that are not known stay unknown."""
    environment = outputs.get("environment") or {}
    if not isinstance(environment, Mapping) or not isinstance(environment.get("variables") or {}, Mapping):
        return outputs
    known: Mapping[str, str] = environment.get("variables") or {}
    return {**outputs, "environment": {**environment, "variables": {**known, **variables}}}

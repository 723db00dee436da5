"""Changes the variables of deployed functions to those with which they run on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from semantest_iac.domain.compute.triggers import CALL_VARIABLE_PREFIX
from semantest_iac.domain.messaging.queues import RECEIVE_VARIABLE_PREFIX, SEND_VARIABLE_PREFIX
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.aws.live_versions import LAMBDA_TYPE, ResourceOutputs
from semantest_iac.infrastructure.local_service.aws.platform.deployed_containers import read_containers


def find_message_addresses(url: str, resources: DeployedResources) -> Mapping[str, str]:
    """Return where SDKs and the helpers of packages reach the queues, topics and functions of this machine."""
    found = {"AWS_ENDPOINT_URL_SQS": url, "AWS_ENDPOINT_URL_SNS": url, **_find_queue_urls(url, resources)}
    return {**found, "AWS_ENDPOINT_URL_LAMBDA": url} if list_called_functions(resources) else found


def _find_queue_urls(url: str, resources: DeployedResources) -> Mapping[str, str]:
    """Return the variables with the addresses of queues as addresses of this machine.

    The JavaScript SDK sends to the host of a queue's address, whatever its endpoint is.
    """
    written = find_variables(resources, (SEND_VARIABLE_PREFIX, RECEIVE_VARIABLE_PREFIX))
    return {name: url + urlsplit(address).path for name, address in written.items() if "://" in address}


def list_called_functions(resources: DeployedResources) -> list[str]:
    """Return the ARNs by which functions of a stack call others, each once."""
    return sorted({arn for _, arn in _list_variables(resources, CALL_VARIABLE_PREFIX)})


def find_variables(resources: DeployedResources, prefixes: str | tuple[str, ...]) -> dict[str, str]:
    """Return the variables of all functions and services whose names begin so."""
    return dict(_list_variables(resources, prefixes))


def _list_variables(resources: DeployedResources, prefixes: str | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    variables = [read_variables(it.outputs) or {} for it in resources if it.type == LAMBDA_TYPE]
    variables += [container.variables for container in read_containers(resources)]
    for name, value in (pair for pairs in variables for pair in pairs.items()):
        if name.startswith(prefixes):
            yield name, str(value)


def read_variables(function: ResourceOutputs) -> Mapping[str, str] | None:
    """Return the variables of a function, None where they are not known."""
    environment = function.get("environment") or {}
    variables = (environment.get("variables") or {}) if isinstance(environment, Mapping) else None
    return variables if isinstance(variables, Mapping) else None


def add_local_variables(resources: DeployedResources, variables: Mapping[str, str]) -> list[DeployedResource]:
    """Return the resources of a stack with further variables of its functions, in all of their versions."""
    return [_add_to_function(it, variables) if it.type == LAMBDA_TYPE else it for it in resources]


def _add_to_function(function: DeployedResource, variables: Mapping[str, str]) -> DeployedResource:
    versions = {name: _add_to_version(outputs, variables) for name, outputs in function.versions.items()}
    return replace(function, outputs=_add_to_version(function.outputs, variables), versions=versions)


def _add_to_version(outputs: ResourceOutputs, variables: Mapping[str, str]) -> ResourceOutputs:
    """Add the variables; those of a version that are not known stay unknown."""
    known = read_variables(outputs)
    if known is None:
        return outputs
    return {**outputs, "environment": {**(outputs.get("environment") or {}), "variables": {**known, **variables}}}

"""Builds the event that requests a deployment, from a stack and its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import (
    DEFAULT_ENVIRONMENT,
    list_extended_environments,
    read_component_type,
)
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac_events.deployments import DeploymentRequested


def build_deployment_request(stack: Stack, configuration: Mapping[str, Any]) -> DeploymentRequested:
    """Return the request with the base of the stack's environment in place of all environments of the file's own.

    It has the type of a component that is not called like one.
    """
    values = {name: value for name, value in configuration.items() if name != "environments"}
    own = configuration.get("environments") or {}
    if unmerged := [f"environments.{name}.{key}" for name, given in own.items() for key in given if key != "extends"]:
        faults = [Fault(path, "is not merged into the configuration", "Load it from a file.") for path in unmerged]
        raise ValidationError(f"Cannot deploy '{stack}'.", faults=faults)
    extends = {name: given.get("extends") or DEFAULT_ENVIRONMENT for name, given in own.items()}
    base = list_extended_environments(stack.environment, extends)[-1]
    own_base = None if base == stack.environment else base
    type_ = read_component_type(stack.component, values)
    return DeploymentRequested(
        **asdict(stack),
        configuration=values,
        base_environment=own_base,
        component_type=None if type_ == stack.component else type_,
    )

"""The resources of layers as a configuration makes them, and who may use one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semantest_iac.domain.blueprints.platform.layers import build_platform
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.access import FunctionIdentity


def build_resources(component: str, environment: str = "development", **written: Any) -> Mapping[str, Resource]:
    """Return the resources of a layer or the platform on AWS by name, with these keys in the configuration."""
    settings = resolve_component(DeploymentConfiguration.model_validate(written), component, environment)
    blueprint = build_platform(Stack(component, "aws", environment, "us-east-1"), 1, settings)
    return {it.name: it for it in blueprint.resources}


def list_users(resources: Mapping[str, Resource], name: str) -> set[str]:
    """Return the functions that know where a resource is, and the identities that may use it."""
    kinds = (ServerlessFunction, FunctionIdentity)
    return {it.name for it in resources.values() if isinstance(it, kinds) and name in it.uses}

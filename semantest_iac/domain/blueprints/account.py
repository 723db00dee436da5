"""The `account` component: what an account has once per region, for all that is deployed there."""

from __future__ import annotations

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.monitoring.gateway_logging import GatewayLogging
from semantest_iac.domain.resource import Ref

LOGGING = Ref("gateway-logging")

OUTPUTS = {"logging_role_arn": (LOGGING, "arn")}


def account(stack: Stack, generation: int, settings: ComponentSettings) -> Blueprint:
    """The same graph whatever the settings are."""
    return Blueprint(stack, generation, (GatewayLogging(name=LOGGING),), OUTPUTS)

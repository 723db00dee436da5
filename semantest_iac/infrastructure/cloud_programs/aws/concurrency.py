"""The order in which Lambda takes changes of concurrency; read without importing Pulumi.

Source: Lambda's answers that LocalStack's tests recorded (TestLambdaConcurrency, 2025-11-24): a function reserves at
least what its versions have provisioned. A program updates a function before its versions, as raising both requires.
"""

from __future__ import annotations

from collections.abc import Iterable

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.resource import DeployedResource

PROVISIONED_TYPE = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"


def lowers_reserve_below_provisioned(blueprint: Blueprint, resources: Iterable[DeployedResource]) -> bool:
    """Whether a function is to reserve less than its deployed version has provisioned now."""
    provisioned = {
        it.name: int(it.outputs.get("provisionedConcurrentExecutions") or 0)
        for it in resources
        if it.type == PROVISIONED_TYPE
    }
    reserved = {it.name: it.scaling.maximum for it in blueprint.resources if isinstance(it, ServerlessFunction)}
    lives = (it for it in blueprint.resources if isinstance(it, LiveVersion))
    limits = ((reserved.get(live.function), provisioned.get(live.name, 0)) for live in lives)
    return any(maximum is not None and maximum < in_use for maximum, in_use in limits)

"""What stacks that are asked for together are told of what they share with others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from semantest_iac.application.intake.account_notices import account_notices
from semantest_iac.application.intake.deployment_specs import DeploymentSpec
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.guardrails.engine_choice import EngineChoice


def an_order(component: str, region: str = "us-east-1") -> DeploymentSpec:
    configuration = {"features": {"access_logs": True}}
    settings = resolve_component(DeploymentConfiguration(), component, "development")
    return DeploymentSpec(Stack(component, "aws", "development", region), configuration, settings, {}, EngineChoice())


def told(orders: Sequence[DeploymentSpec], known: list[str] | None) -> list[str]:
    return [fault.path for fault in account_notices(orders, lambda stack, engine: known)]


class TestShared:
    @pytest.mark.parametrize(
        ("known", "paths"),
        [([], ["features.access_logs"]), (["account.aws.qa.us-east-1"], []), (None, [])],
        ids=["nobody has set it", "somebody has", "there is no such thing"],
    )
    def test_tells_a_log_what_it_waits_for(self, known: list[str] | None, paths: list[str]) -> None:
        assert told([an_order("websocket")], known) == paths

    @pytest.mark.parametrize(("region", "paths"), [("us-east-1", []), ("eu-west-1", ["features.access_logs"])])
    def test_counts_on_an_account_that_goes_before_in_the_same_place(self, region: str, paths: list[str]) -> None:
        assert told([an_order("websocket"), an_order("account", region)], []) == paths

    def test_tells_an_account_of_those_before_it(self) -> None:
        assert told([an_order("account")], ["account.aws.qa.us-east-1"]) == ["component"]

"""Notices about account settings, and the stacks that have them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from semantest_iac.application.intake.account_notices import account_notices, find_account_settings_stacks
from semantest_iac.application.intake.deployment_specs import DeploymentSpec
from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SIMULATED_CLOUD, EngineChoice
from semantest_iac.domain.monitoring.logs_and_alarms import GatewayLogging
from tests.fakes.memory_ledger import MemoryLedger, a_deploy, a_destroy, an_event


def a_spec(component: str, region: str = "us-east-1") -> DeploymentSpec:
    configuration = {"features": {"access_logs": True}}
    settings = resolve_component(DeploymentConfiguration(), component, "development")
    return DeploymentSpec(Stack(component, "aws", "development", region), configuration, settings, {}, EngineChoice())


def notice_paths(specs: Sequence[DeploymentSpec], known: list[str] | None) -> list[str]:
    return [fault.path for fault in account_notices(specs, lambda stack, engine: known)]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


class TestAccountNotices:
    @pytest.mark.parametrize(
        ("known", "paths"),
        [([], ["features.access_logs"]), (["account.aws.qa.us-east-1"], []), (None, [])],
        ids=["no account stack", "another account stack", "no account settings"],
    )
    def test_name_what_an_access_log_needs(self, known: list[str] | None, paths: list[str]) -> None:
        assert notice_paths([a_spec("websocket")], known) == paths

    @pytest.mark.parametrize(("region", "paths"), [("us-east-1", []), ("eu-west-1", ["features.access_logs"])])
    def test_count_an_account_stack_deployed_before_in_the_region(self, region: str, paths: list[str]) -> None:
        assert notice_paths([a_spec("websocket"), a_spec("account", region)], []) == paths

    def test_are_none_for_an_http_api(self) -> None:
        assert notice_paths([a_spec("rest-api")], []) == []

    def test_tell_an_account_stack_of_another_one(self) -> None:
        assert notice_paths([a_spec("account")], ["account.aws.qa.us-east-1"]) == ["component"]


ACCOUNT = "account.aws.development.us-east-1"
AWS = Capabilities("aws")
WEBSOCKET = Stack("websocket", "aws", "development", "us-east-1")


class TestFindAccountStacks:
    async def test_finds_those_of_the_region(self, ledger: MemoryLedger) -> None:
        for stack in (ACCOUNT, ACCOUNT.replace("east-1", "west-2"), ACCOUNT.replace("account", "rest-api")):
            await ledger.append(stack, None, a_deploy(f"d of {stack}", stack=stack))

        assert find_account_settings_stacks(ledger, AWS, WEBSOCKET, EngineChoice()) == [ACCOUNT]

    async def test_leaves_the_stack_itself_out(self, ledger: MemoryLedger) -> None:
        await ledger.append(ACCOUNT, None, a_deploy(stack=ACCOUNT))

        assert find_account_settings_stacks(ledger, AWS, Stack.parse(ACCOUNT), EngineChoice()) == []

    async def test_finds_destroyed_ones(self, ledger: MemoryLedger) -> None:
        await ledger.append(ACCOUNT, None, [*a_deploy(stack=ACCOUNT), *a_destroy(stack=ACCOUNT)])

        assert find_account_settings_stacks(ledger, AWS, WEBSOCKET, EngineChoice()) == [ACCOUNT]

    @pytest.mark.parametrize("ended", ["deployment.failed", "deployment.rolled_back"])
    async def test_leaves_out_those_that_never_completed(self, ledger: MemoryLedger, ended: str) -> None:
        life = [*a_deploy(stack=ACCOUNT)[:-1], an_event(ended, stack=ACCOUNT, data={"code": "X", "reason": "no"})]
        await ledger.append(ACCOUNT, None, life)

        assert find_account_settings_stacks(ledger, AWS, WEBSOCKET, EngineChoice()) == []

    async def test_leaves_out_those_of_another_engine(self, ledger: MemoryLedger) -> None:
        await ledger.append(ACCOUNT, None, a_deploy(stack=ACCOUNT))

        assert find_account_settings_stacks(ledger, AWS, WEBSOCKET, EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD)) == []

    async def test_is_none_where_a_cloud_has_no_account_settings(self, ledger: MemoryLedger) -> None:
        other = Capabilities("meadow", frozenset(), {GatewayLogging: "not needed"})

        assert find_account_settings_stacks(ledger, other, WEBSOCKET, EngineChoice()) is None

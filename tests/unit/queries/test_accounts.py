"""Which stacks have set what an account has once per region."""

from __future__ import annotations

import pytest

from semantest_iac.application.intake.account_notices import find_account_stacks
from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SIMULATED_CLOUD, EngineChoice
from semantest_iac.domain.monitoring.logs_and_alarms import GatewayLogging
from tests.fakes.memory_ledger import MemoryLedger, a_deploy, a_destroy, an_event

HERE = "account.aws.development.us-east-1"
AWS = Capabilities("aws")
WEBSOCKET = Stack("websocket", "aws", "development", "us-east-1")


class TestAccountStacks:
    async def test_are_those_that_were_deployed_in_the_place(self, ledger: MemoryLedger) -> None:
        for stack in (HERE, HERE.replace("east-1", "west-2"), HERE.replace("account", "rest-api")):
            await ledger.append(stack, None, a_deploy(f"d of {stack}", stack=stack))

        assert find_account_stacks(ledger, AWS, WEBSOCKET, EngineChoice()) == [HERE]

    async def test_are_others(self, ledger: MemoryLedger) -> None:
        await ledger.append(HERE, None, a_deploy(stack=HERE))

        assert find_account_stacks(ledger, AWS, Stack.parse(HERE), EngineChoice()) == []

    async def test_count_when_they_are_destroyed(self, ledger: MemoryLedger) -> None:
        await ledger.append(HERE, None, [*a_deploy(stack=HERE), *a_destroy(stack=HERE)])

        assert find_account_stacks(ledger, AWS, WEBSOCKET, EngineChoice()) == [HERE]

    @pytest.mark.parametrize("ended", ["deployment.failed", "deployment.rolled_back"])
    async def test_do_not_count_where_nothing_came_of_them(self, ledger: MemoryLedger, ended: str) -> None:
        life = [*a_deploy(stack=HERE)[:-1], an_event(ended, stack=HERE, data={"code": "X", "reason": "no"})]
        await ledger.append(HERE, None, life)

        assert find_account_stacks(ledger, AWS, WEBSOCKET, EngineChoice()) == []

    async def test_do_not_count_in_another_cloud(self, ledger: MemoryLedger) -> None:
        await ledger.append(HERE, None, a_deploy(stack=HERE))

        assert find_account_stacks(ledger, AWS, WEBSOCKET, EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD)) == []

    async def test_are_no_question_where_a_cloud_has_no_such_settings(self, ledger: MemoryLedger) -> None:
        other = Capabilities("meadow", frozenset(), {GatewayLogging: "nobody needs it"})

        assert find_account_stacks(ledger, other, WEBSOCKET, EngineChoice()) is None

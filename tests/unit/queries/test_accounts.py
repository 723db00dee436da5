"""Which stacks have set what an account has once per region."""

from __future__ import annotations

import pytest

from semantest_iac.application.queries.accounts import account_stacks
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import PULUMI, SIMULATED, EngineChoice
from tests.fakes.memory_ledger import MemoryLedger, a_deploy, a_destroy, an_event

HERE = "account.aws.development.us-east-1"
WEBSOCKET = Stack("websocket", "aws", "development", "us-east-1")


class TestAccountStacks:
    async def test_are_those_that_were_deployed_in_the_place(self, ledger: MemoryLedger) -> None:
        for stack in (HERE, HERE.replace("east-1", "west-2"), HERE.replace("account", "rest-api")):
            await ledger.append(stack, None, a_deploy(f"d of {stack}", stack=stack))

        assert account_stacks(ledger, WEBSOCKET, EngineChoice()) == [HERE]

    async def test_are_others(self, ledger: MemoryLedger) -> None:
        await ledger.append(HERE, None, a_deploy(stack=HERE))

        assert account_stacks(ledger, Stack.parse(HERE), EngineChoice()) == []

    async def test_count_when_they_are_destroyed(self, ledger: MemoryLedger) -> None:
        await ledger.append(HERE, None, [*a_deploy(stack=HERE), *a_destroy(stack=HERE)])

        assert account_stacks(ledger, WEBSOCKET, EngineChoice()) == [HERE]

    @pytest.mark.parametrize("ended", ["deployment.failed", "deployment.rolled_back"])
    async def test_do_not_count_where_nothing_came_of_them(self, ledger: MemoryLedger, ended: str) -> None:
        life = [*a_deploy(stack=HERE)[:-1], an_event(ended, stack=HERE, data={"code": "X", "reason": "no"})]
        await ledger.append(HERE, None, life)

        assert account_stacks(ledger, WEBSOCKET, EngineChoice()) == []

    async def test_do_not_count_in_another_cloud(self, ledger: MemoryLedger) -> None:
        await ledger.append(HERE, None, a_deploy(stack=HERE))

        assert account_stacks(ledger, WEBSOCKET, EngineChoice(PULUMI, SIMULATED)) == []

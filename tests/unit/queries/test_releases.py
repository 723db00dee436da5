"""Which stacks answer in simulated clouds."""

from __future__ import annotations

import pytest

from semantest_iac.application.queries.stacks import is_served_locally, simulated_releases
from tests.fakes.memory_ledger import MemoryLedger, a_deploy


class TestReleases:
    @pytest.mark.parametrize(("component", "answers"), [("websocket", True), ("account", False)])
    async def test_are_those_of_services(self, ledger: MemoryLedger, component: str, answers: bool) -> None:
        stack = f"{component}.aws.development.us-east-1"
        await ledger.append(stack, None, a_deploy(stack=stack))

        assert (stack in simulated_releases(ledger), is_served_locally(ledger, stack)) == (answers, answers)

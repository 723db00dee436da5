"""`status` and `outputs`."""

from __future__ import annotations

import json

import pytest

from semantest_iac.application.queries.history import StackFilter, read_outputs, read_status
from semantest_iac.domain.errors import NotFoundError
from tests.fakes.memory_ledger import NOON, STACK, MemoryLedger, a_deploy, a_destroy, an_event

OTHER = "websocket.azure.staging.westeurope"
FILTERS = {
    "nothing": (StackFilter(), [OTHER, STACK]),
    "component": (StackFilter(component="rest-api"), [STACK]),
    "provider": (StackFilter(provider="azure"), [OTHER]),
    "environment": (StackFilter(environment="staging"), [OTHER]),
    "region": (StackFilter(region="us-east-1"), [STACK]),
    "project": (StackFilter(project="semantest"), [OTHER, STACK]),
    "another project": (StackFilter(project="shop"), []),
    "two parts": (StackFilter(component="rest-api", provider="azure"), []),
}


@pytest.fixture
async def deployed(ledger: MemoryLedger) -> MemoryLedger:
    """A live stack with a failed deployment since, and one that was only requested."""
    await ledger.append(STACK, None, a_deploy("d1", endpoint="https://one", outputs={"url": "https://one"}))
    failed = an_event("deployment.failed", "d2", data={"code": "PROVIDER_ERROR", "reason": "no quota"})
    await ledger.append(STACK, None, [*a_deploy("d2")[:4], failed])
    await ledger.append(OTHER, None, a_deploy("d3", stack=OTHER)[:1])
    return ledger


class TestStatus:
    def test_has_the_newest_deployment_and_the_live_outputs(self, deployed: MemoryLedger) -> None:
        assert read_status(deployed, StackFilter(component="rest-api")) == [
            {
                "deployment": "d2",
                "stack": STACK,
                "number": 2,
                "kind": "deploy",
                "state": "failed",
                "requested_at": NOON,
                "finished_at": NOON,
                "changes": {"create": 3},
                "endpoint": "https://one",
                "outputs": {"url": "https://one"},
                "error": {"code": "PROVIDER_ERROR", "message": "no quota"},
                "type": "rest-api",
                "generation": 1,
                "last_good": "d1",
                "held_by": None,
                "simulated": True,
            }
        ]

    @pytest.mark.parametrize(("stack_filter", "stacks"), FILTERS.values(), ids=FILTERS)
    def test_lists_the_selected_stacks_newest_first(
        self, deployed: MemoryLedger, stack_filter: StackFilter, stacks: list[str]
    ) -> None:
        assert [row["stack"] for row in read_status(deployed, stack_filter)] == stacks

    def test_leaves_out_the_error_where_there_is_none(self, deployed: MemoryLedger) -> None:
        assert "error" not in read_status(deployed)[0]

    def test_is_plain_json(self, deployed: MemoryLedger) -> None:
        answer = read_status(deployed)

        assert json.loads(json.dumps(answer)) == answer


class TestOutputs:
    def test_are_those_of_the_last_good_deployment(self, deployed: MemoryLedger) -> None:
        assert read_outputs(deployed, STACK) == {"url": "https://one"}

    @pytest.mark.parametrize("stack", [OTHER, "never-heard-of"], ids=["not completed", "unknown"])
    def test_are_not_found_before_a_deployment_was_completed(self, deployed: MemoryLedger, stack: str) -> None:
        with pytest.raises(NotFoundError, match=f"Cannot read outputs of stack '{stack}'"):
            read_outputs(deployed, stack)

    async def test_are_not_found_after_a_destroy(self, deployed: MemoryLedger) -> None:
        await deployed.append(STACK, None, a_destroy("d4"))

        with pytest.raises(NotFoundError):
            read_outputs(deployed, STACK)

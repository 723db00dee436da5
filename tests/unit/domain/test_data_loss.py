"""A plan that loses data is accepted by the names of the resources that lose some."""

from __future__ import annotations

import pytest

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.guardrails.data_loss import require_accepted_loss

STACK = Stack.parse("rest-api.aws.staging.us-east-1")
LOGS = PlannedChange("urn:logs", "aws:cloudwatch/logGroup:LogGroup", "logs", "delete", loses="its log records")
TABLE = PlannedChange("urn:table", "aws:dynamodb/table:Table", "table", "replace", loses="its items")
ALIAS = PlannedChange("urn:live", "aws:lambda/alias:Alias", "live", "update")
PLAN = ChangePlan((LOGS, ALIAS, TABLE))


class TestAcceptedLoss:
    def test_of_every_resource_is_enough(self) -> None:
        require_accepted_loss(STACK, PLAN, ["table", "logs"])
        require_accepted_loss(STACK, ChangePlan((ALIAS,)), [])

    def test_is_missing(self) -> None:
        with pytest.raises(RefusedError) as raised:
            require_accepted_loss(STACK, PLAN, ["logs"])

        error = raised.value
        assert (error.error_code, [(fault.path, fault.message) for fault in error.faults]) == (
            "DATA_LOSS",
            [("table", "replace loses its items (aws:dynamodb/table:Table)")],
        )
        assert "--accept-data-loss logs,table" in error.hint

    def test_of_what_is_not_lost_is_refused(self) -> None:
        with pytest.raises(RefusedError) as raised:
            require_accepted_loss(STACK, ChangePlan((ALIAS,)), ["live"])

        assert [fault.message for fault in raised.value.faults] == ["it loses no data"]
        assert "leave --accept-data-loss out" in raised.value.hint

    def test_may_name_more_than_the_rest_of_a_plan(self) -> None:
        require_accepted_loss(STACK, ChangePlan((LOGS,)), ["logs", "table"], is_rest=True)

        with pytest.raises(RefusedError):
            require_accepted_loss(STACK, PLAN, ["logs"], is_rest=True)

"""What stacks share, and what to know of that before one is deployed."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.account_settings import advice, notices
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.guardrails.engine_choice import PULUMI, SIMULATED, EngineChoice

WEBSOCKET = Stack("websocket", "aws", "development", "eu-west-1")
ACCOUNT = Stack("account", "aws", "qa", "eu-west-1")
LOGGED = {"features": {"access_logs": True}}


def told(stack: Stack, values: dict[str, Any], *others: str, engine: EngineChoice | None = None) -> list[Fault]:
    return list(notices(stack, Configuration.model_validate(values), engine or EngineChoice(), others))


class TestNotices:
    def test_name_the_stack_that_an_access_log_waits_for(self) -> None:
        [notice] = told(WEBSOCKET, LOGGED)

        assert notice.path == "features.access_logs"
        assert notice.hint.endswith("--component account --provider aws --env development --region eu-west-1")

    def test_lead_to_the_same_cloud(self) -> None:
        [notice] = told(WEBSOCKET, LOGGED, engine=EngineChoice(PULUMI, SIMULATED))

        assert notice.hint.endswith("--region eu-west-1 --engine pulumi --cloud sandbox")

    @pytest.mark.parametrize(
        ("stack", "values", "others"),
        [
            (WEBSOCKET, LOGGED, [str(ACCOUNT)]),
            (WEBSOCKET, {}, []),
            (Stack("rest-api", "aws", "development", "eu-west-1"), LOGGED, []),
            (ACCOUNT, {}, []),
        ],
        ids=["set already", "no log", "HTTP", "first of its kind"],
    )
    def test_are_none_where_nothing_is_in_the_way(
        self, stack: Stack, values: dict[str, Any], others: list[str]
    ) -> None:
        assert told(stack, values, *others) == []

    def test_say_whose_setting_is_replaced(self) -> None:
        [notice] = told(ACCOUNT, {}, "account.aws.development.eu-west-1")

        assert "account.aws.development.eu-west-1 has set it too" in notice.message
        assert "the one deployed last counts" in notice.hint


class TestAdvice:
    def test_has_the_command_and_what_else_can_be_done(self) -> None:
        words = advice("CloudWatch Logs role ARN must be set in account settings to enable logging", WEBSOCKET)

        assert "deploy --component account --provider aws --env development --region eu-west-1" in words
        assert "leave features.access_logs out" in words

    def test_is_none_for_other_words(self) -> None:
        assert advice("The specified log group does not exist", WEBSOCKET) == ""

from __future__ import annotations

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import find_account_notices
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SIMULATED_CLOUD, EngineChoice

WEBSOCKET = Stack("websocket", "aws", "development", "eu-west-1")
ACCOUNT = Stack("account", "aws", "qa", "eu-west-1")


def find_notices(
    stack: Stack, *others: str, log_requested: bool = True, engine: EngineChoice | None = None
) -> list[Fault]:
    return list(find_account_notices(stack, engine or EngineChoice(), others, log_requested=log_requested))


class TestNotices:
    def test_name_the_stack_that_an_access_log_requires(self) -> None:
        [notice] = find_notices(WEBSOCKET)

        assert notice.path == "features.access_logs"
        assert notice.hint.endswith("--component account --provider aws --env development --region eu-west-1")

    def test_name_the_options_of_another_engine(self) -> None:
        [notice] = find_notices(WEBSOCKET, engine=EngineChoice(PULUMI_ENGINE, SIMULATED_CLOUD))

        assert notice.hint.endswith("--region eu-west-1 --engine pulumi --cloud sandbox")

    @pytest.mark.parametrize(
        ("stack", "log_requested", "others"),
        [
            (WEBSOCKET, True, [str(ACCOUNT)]),
            (WEBSOCKET, False, []),
            (ACCOUNT, False, []),
        ],
        ids=["set already", "no log", "first of its kind"],
    )
    def test_are_none_if_nothing_is_missing(self, stack: Stack, log_requested: bool, others: list[str]) -> None:
        assert find_notices(stack, *others, log_requested=log_requested) == []

    def test_name_the_stack_whose_setting_is_replaced(self) -> None:
        [notice] = find_notices(ACCOUNT, "account.aws.development.eu-west-1")

        assert "account.aws.development.eu-west-1 has set it too" in notice.message
        assert "The stack deployed last counts" in notice.hint

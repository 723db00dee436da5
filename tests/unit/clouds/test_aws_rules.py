from __future__ import annotations

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.clouds.aws_rules import AWS_RULES

WEBSOCKET = Stack("websocket", "aws", "development", "eu-west-1")


class TestExplainRefusal:
    def test_has_the_command_and_what_else_can_be_done(self) -> None:
        hint = AWS_RULES.explain_refusal(
            "CloudWatch Logs role ARN must be set in account settings to enable logging", WEBSOCKET
        )

        assert "deploy --component account --provider aws --env development --region eu-west-1" in hint
        assert "leave features.access_logs out" in hint

    def test_is_empty_for_other_messages(self) -> None:
        assert AWS_RULES.explain_refusal("The specified log group does not exist", WEBSOCKET) == ""

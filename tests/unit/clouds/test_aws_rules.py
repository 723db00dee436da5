from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.infrastructure.clouds.aws_rules import AWS_RULES
from semantest_iac.infrastructure.clouds.aws_variables import measure_environment
from semantest_iac.infrastructure.clouds.registry import CLOUDS

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


class TestEnvironmentSize:
    """AWS accepts 4,096 bytes and refuses 4,097: `test_lambda_api.snapshot.json` of LocalStack's tests."""

    def faults(self, component: str, padding: int, **section: Any) -> list[str]:
        section["environment"] = {"PADDING": "x" * padding, **section.get("environment", {})}
        configuration = DeploymentConfiguration.model_validate({"components": {component: section}})
        stack = Stack(component, "aws", "development", "eu-west-1")
        report = ValidationService(date(2026, 11, 21), CLOUDS).validate(stack, configuration)
        return [f"{fault.path}: {fault.message}" for fault in report.faults]

    @pytest.mark.parametrize(
        ("component", "section", "tools_own"),
        [
            ("rest-api", {}, {}),
            (
                "rest-api",
                {"environment": {"TOKEN": "${secrets.token}"}},
                {
                    "SEMANTEST_SECRETS": '{"TOKEN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:'
                    'semantest-rest-api-dev-token-123456-AbCdEf"}'
                },
            ),
            (
                "websocket",
                {},
                {
                    "SEMANTEST_CONNECTIONS_ENDPOINT": "https://abcdefghij.execute-api.eu-west-1.amazonaws.com/live",
                    "SEMANTEST_CONNECTIONS_TABLE": "semantest-websocket-dev-123456",
                    "SEMANTEST_CONNECTIONS_INDEX": "by-client-type",
                    "SEMANTEST_CONNECTIONS_LIFETIME": "14400",
                },
            ),
        ],
        ids=["plain", "secrets", "websocket"],
    )
    def test_is_refused_from_4097_bytes_on(
        self, component: str, section: dict[str, Any], tools_own: dict[str, str]
    ) -> None:
        variables = {
            "PADDING": "",
            "NODE_ENV": "development",
            "LOG_LEVEL": "debug",
            "AUTHENTICATION_REQUIRED": "false",
            "SEMANTEST_COMPONENT": component,
            "SEMANTEST_ENVIRONMENT": "development",
            **tools_own,
        }
        padding = 4096 - measure_environment(variables)

        assert self.faults(component, padding, **section) == []
        assert self.faults(component, padding + 1, **section) == [
            f"components.{component}.environment: 4097 bytes as JSON with this tool's own variables; "
            "AWS Lambda takes 4096"
        ]

    def test_is_that_of_utf_8_without_escapes(self) -> None:
        assert measure_environment({"A": "é", "B": '"'}) == len('{"A":"é","B":"\\""}'.encode())


class TestConcurrency:
    """AWS keeps 100 of 1000 instances for functions without a limit: Lambda's quotas, and a recorded answer."""

    @pytest.mark.parametrize(
        ("instances", "warned"), [({"max": 900}, []), ({"max": 901}, ["max"]), ({"min": 901}, ["min"])]
    )
    def test_beyond_the_default_quota_is_advised_on(self, instances: dict[str, int], warned: list[str]) -> None:
        configuration = DeploymentConfiguration.model_validate({"components": {"rest-api": {"instances": instances}}})
        stack = Stack("rest-api", "aws", "staging", "eu-west-1")

        warnings = ValidationService(date(2026, 11, 21), CLOUDS).validate(stack, configuration).warnings

        assert [w.path for w in warnings] == [f"components.rest-api.instances.{key}" for key in warned]


class TestOriginPatterns:
    @pytest.mark.parametrize(
        ("origin", "faults"),
        [("https://*", []), ("http://*", []), ("chrome-extension://*", ["components.rest-api.cors.origins[0]"])],
    )
    def test_are_those_of_api_gateway(self, origin: str, faults: list[str]) -> None:
        """Source: API Gateway's developer guide, http-api-cors: the example values of allowOrigins."""
        section = {"rest-api": {"cors": {"origins": [origin]}}}
        configuration = DeploymentConfiguration.model_validate({"components": section})
        stack = Stack("rest-api", "aws", "development", "eu-west-1")

        report = ValidationService(date(2026, 11, 21), CLOUDS).validate(stack, configuration)

        assert [fault.path for fault in report.faults] == faults

from __future__ import annotations

import json

import pytest

from semantest_iac.domain.blueprints.components import build_account
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from tests.unit.cloud_programs.recorder import Registration, example_arn, record_program, urn

_ROLE = "aws:iam/role:Role"
_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_ACCOUNT = "aws:apigateway/account:Account"


@pytest.fixture(scope="module")
def registrations() -> dict[str, Registration]:
    """The registered cloud resources by type."""
    settings = resolve_component(DeploymentConfiguration(), "account", "staging")
    found = record_program(build_account(Stack("account", "aws", "staging", "us-east-1"), 2, settings))
    return {each.type: each for each in found if each.type in AWS_TYPES}


class TestGatewayLogging:
    def test_is_a_role_that_only_api_gateway_can_assume(self, registrations: dict[str, Registration]) -> None:
        [statement] = json.loads(registrations[_ROLE].inputs["assumeRolePolicy"])["Statement"]

        assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}

    def test_has_aws_s_own_policy(self, registrations: dict[str, Registration]) -> None:
        policy = registrations[_ATTACHMENT].inputs["policyArn"]

        assert policy == "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"

    def test_is_set_after_its_permission(self, registrations: dict[str, Registration]) -> None:
        assert registrations[_ACCOUNT].inputs["cloudwatchRoleArn"] == example_arn(_ROLE, "gateway-logging")
        assert urn(_ATTACHMENT, "gateway-logging") in registrations[_ACCOUNT].needs

    def test_is_kept_when_its_stack_is_destroyed(self, registrations: dict[str, Registration]) -> None:
        assert {type_: each.retained for type_, each in registrations.items()} == dict.fromkeys(
            (_ROLE, _ATTACHMENT, _ACCOUNT), True
        )

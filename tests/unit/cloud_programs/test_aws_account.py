"""What the account's program asks of AWS."""

from __future__ import annotations

import json

import pytest

from semantest_iac.domain.blueprints.components import build_account
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from tests.unit.cloud_programs.recorder import Asked, recorded, urn

_ROLE = "aws:iam/role:Role"
_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_ACCOUNT = "aws:apigateway/account:Account"


@pytest.fixture(scope="module")
def asked() -> dict[str, Asked]:
    """By type, what reaches the cloud."""
    settings = resolve_component(DeploymentConfiguration(), "account", "staging")
    found = recorded(build_account(Stack("account", "aws", "staging", "us-east-1"), 2, settings))
    return {each.type: each for each in found if each.type in AWS_TYPES}


class TestGatewayLogging:
    def test_is_a_role_that_api_gateway_alone_takes_on(self, asked: dict[str, Asked]) -> None:
        [statement] = json.loads(asked[_ROLE].inputs["assumeRolePolicy"])["Statement"]

        assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}

    def test_has_the_policy_that_aws_wrote_for_it(self, asked: dict[str, Asked]) -> None:
        policy = asked[_ATTACHMENT].inputs["policyArn"]

        assert policy == "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"

    def test_is_set_when_it_may_write(self, asked: dict[str, Asked]) -> None:
        assert asked[_ACCOUNT].inputs["cloudwatchRoleArn"] == f"{_ROLE}:gateway-logging"
        assert urn(_ATTACHMENT, "gateway-logging") in asked[_ACCOUNT].needs

    def test_stays_whole_when_its_stack_goes(self, asked: dict[str, Asked]) -> None:
        assert {type_: each.retained for type_, each in asked.items()} == dict.fromkeys(
            (_ROLE, _ATTACHMENT, _ACCOUNT), True
        )

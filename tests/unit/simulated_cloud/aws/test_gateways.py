"""What API Gateway refuses, and the endpoints of APIs and stages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource

ACCOUNT = "aws:apigateway/account:Account"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
API = "aws:apigatewayv2/api:Api"
AUTHORIZER = "aws:apigatewayv2/authorizer:Authorizer"
INTEGRATION = "aws:apigatewayv2/integration:Integration"
ROUTE = "aws:apigatewayv2/route:Route"
STAGE = "aws:apigatewayv2/stage:Stage"

Refused = Callable[..., CloudRefusal]
World = dict[str, CreatedResource]


class TestApiLimits:
    @pytest.mark.parametrize(
        ("type_", "changes", "message"),
        [
            (
                API,
                {"corsConfiguration": {"allowOrigins": ["*"], "allowCredentials": True}},
                "allow-credentials is not supported if 'allow-origin' is *",
            ),
            (API, {"protocolType": "WEBSOCKET"}, "CORS"),
            (API, {"protocolType": "WEBSOCKET", "corsConfiguration": None}, "route selection expression"),
            (INTEGRATION, {"integrationType": "MOCK"}, "may only be associated with proxy integrations"),
            (ROUTE, {"routeKey": "health"}, "not formatted properly for HTTP protocol"),
            (ROUTE, {"routeKey": "GET /a", "authorizerId": None}, "authorizer is required"),
            (AUTHORIZER, {"jwtConfiguration": None}, "JWT"),
            (
                STAGE,
                {"name": "a", "defaultRouteSettings": {"loggingLevel": "INFO"}},
                "Execution logs are not supported on protocolType HTTP",
            ),
        ],
    )
    def test_are_refused(self, type_: str, changes: dict[str, Any], message: str, refused: Refused) -> None:
        refusal = refused(type_, **changes)

        assert refusal.code == "BadRequestException"
        assert message in refusal.message

    def test_give_a_websocket_api_its_own_scheme_and_timeout(self, make: Any, refused: Refused) -> None:
        api = make(API, protocolType="WEBSOCKET", corsConfiguration=None, routeSelectionExpression="$request.body.type")

        assert api.outputs["apiEndpoint"].startswith("wss://")
        assert "29000" in refused(INTEGRATION, apiId=api.id, timeoutMilliseconds=30_000).message

    @pytest.mark.parametrize(("stage", "ending"), [("$default", ".com/"), ("beta", ".com/beta")])
    def test_have_stages_with_their_own_url(self, stage: str, ending: str, make: Any) -> None:
        other = make(API)

        assert make(STAGE, apiId=other.id, name=stage).outputs["invokeUrl"].endswith(ending)


class TestWebSocketApis:
    @pytest.fixture
    def api(self, make: Any) -> str:
        api = make(API, protocolType="WEBSOCKET", corsConfiguration=None, routeSelectionExpression="$request.body.type")
        return str(api.id)

    @pytest.fixture
    def no_role(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete(ACCOUNT, world[ACCOUNT].id)

    @pytest.mark.parametrize(
        "changes",
        [{}, {"accessLogSettings": None, "defaultRouteSettings": {"loggingLevel": "INFO"}}],
        ids=["access", "execution"],
    )
    def test_cannot_log_without_a_role_in_the_account_settings(
        self, api: str, changes: dict[str, Any], no_role: None, refused: Refused
    ) -> None:
        refusal = refused(STAGE, apiId=api, name="live", **changes)

        assert "CloudWatch Logs role ARN must be set in account settings" in refusal.message

    def test_log_through_the_role_in_the_account_settings(self, api: str, make: Any) -> None:
        assert make(STAGE, apiId=api, name="live").id == "live"

    def test_need_no_role_where_nothing_is_logged(self, api: str, no_role: None, make: Any) -> None:
        assert make(STAGE, apiId=api, name="live", accessLogSettings=None).id == "live"

    def test_accept_request_authorizers_only(self, api: str, refused: Refused) -> None:
        assert "Only REQUEST authorizers" in refused(AUTHORIZER, apiId=api).message

    def test_authorize_clients_only_when_they_connect(self, api: str, make: Any, refused: Refused) -> None:
        asks = {"authorizerType": "REQUEST", "jwtConfiguration": None, "identitySources": None}
        authorizer = make(AUTHORIZER, apiId=api, **asks)
        routed = {"apiId": api, "authorizationType": "CUSTOM", "authorizerId": authorizer.id, "target": None}

        assert make(ROUTE, routeKey="$connect", **routed).outputs["routeKey"] == "$connect"
        assert "only supported on the $connect route" in refused(ROUTE, routeKey="$default", **routed).message


class TestAccount:
    @pytest.fixture
    def role(self, make: Any) -> CreatedResource:
        made: CreatedResource = make(ROLE, name="other")
        return made

    def test_refuses_a_role_that_cannot_write_logs(self, role: CreatedResource, refused: Refused) -> None:
        refusal = refused(ACCOUNT, cloudwatchRoleArn=role.outputs["arn"])

        assert refusal.message.startswith("The role ARN does not have required permissions configured.")

    def test_refuses_a_role_that_does_not_trust_api_gateway(self, make: Any, refused: Refused) -> None:
        stranger = make(ROLE, name="other", assumeRolePolicy=json.dumps({"Statement": []}))
        make(ATTACHMENT, role="other")

        assert "grant trust permission" in refused(ACCOUNT, cloudwatchRoleArn=stranger.outputs["arn"]).message

    @pytest.mark.parametrize(
        ("kind", "how"),
        [
            (ATTACHMENT, {}),
            (ROLE_POLICY, {"policy": json.dumps({"Statement": {"Effect": "Allow", "Action": "logs:*"}})}),
        ],
        ids=["managed", "written"],
    )
    def test_exists_once_per_region_and_is_overwritten(
        self, kind: str, how: dict[str, Any], role: CreatedResource, make: Any, cloud: SimulatedCloud
    ) -> None:
        make(kind, role="other", **how)

        set_again = make(ACCOUNT, owner="urn:other", cloudwatchRoleArn=role.outputs["arn"])

        assert [id_ for type_, id_ in cloud.list_resources() if type_ == ACCOUNT] == [set_again.id]
        assert (cloud.read(ACCOUNT, set_again.id) or {})["cloudwatchRoleArn"] == role.outputs["arn"]

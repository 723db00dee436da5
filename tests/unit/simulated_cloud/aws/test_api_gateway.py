"""What API Gateway refuses, and what it makes of a protocol and a stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
API = "aws:apigatewayv2/api:Api"
AUTHORIZER = "aws:apigatewayv2/authorizer:Authorizer"
INTEGRATION = "aws:apigatewayv2/integration:Integration"
ROUTE = "aws:apigatewayv2/route:Route"
STAGE = "aws:apigatewayv2/stage:Stage"

Refused = Callable[..., CloudRefusal]


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
    def test_shape_the_url_of_a_stage(self, stage: str, ending: str, make: Any) -> None:
        other = make(API)

        assert make(STAGE, apiId=other.id, name=stage).outputs["invokeUrl"].endswith(ending)

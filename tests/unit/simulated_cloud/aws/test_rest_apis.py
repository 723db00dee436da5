"""REST APIs, their stages, usage plans and keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.conftest import Make, World

API, DEPLOYMENT, STAGE = (
    f"aws:apigateway/{name}" for name in ("restApi:RestApi", "deployment:Deployment", "stage:Stage")
)
KEY, PLAN, PLAN_KEY = (
    f"aws:apigateway/{name}" for name in ("apiKey:ApiKey", "usagePlan:UsagePlan", "usagePlanKey:UsagePlanKey")
)
Refused = Callable[..., CloudRefusal]
_LIMIT = {"throttlingBurstLimit": 1, "throttlingRateLimit": 1}
_MOCK = {"x-amazon-apigateway-integration": {"type": "mock"}}


def _document(paths: dict[str, Any]) -> str:
    return json.dumps({"openapi": "3.0.1", "info": {"title": "a", "version": "1"}, "paths": paths})


class TestApis:
    @pytest.mark.parametrize("body", ["{", "{}", '{"paths": {}}'])
    def test_are_made_of_openapi_documents(self, refused: Refused, body: str) -> None:
        assert refused(API, body=body).message == "Invalid OpenAPI input."

    def test_take_yaml_as_it_is(self, make: Make) -> None:
        assert make(API, body="openapi: 3.0.1\npaths: {}\n").outputs["executionArn"]

    def test_have_one_variable_at_a_place(self, refused: Refused) -> None:
        paths = {"/orders/{id}": {"get": _MOCK}, "/orders/{rest+}": {"get": _MOCK}}

        assert "only one is allowed" in refused(API, body=_document(paths)).message

    @pytest.mark.parametrize("path", ["/~me", "/a b", "/{id}s", "/{id+}s", "/a*"])
    def test_have_paths_of_plain_characters(self, refused: Refused, path: str) -> None:
        message = refused(API, body=_document({path: {"get": _MOCK}})).message

        assert message.startswith(f"Unable to create resource at path '{path}': Resource's path part only allow")

    def test_have_ten_authorizers(self, make: Make, refused: Refused) -> None:
        def write(number: int) -> str:
            schemes: dict[str, Any] = {f"access-{it}": {"x-amazon-apigateway-authorizer": {}} for it in range(number)}
            document = json.loads(_document({"/": {"get": _MOCK}}))
            return json.dumps(document | {"components": {"securitySchemes": schemes | {"key": {"type": "apiKey"}}}})

        assert make(API, body=write(10)).id
        assert refused(API, body=write(11)).code == "LimitExceededException"

    def test_have_a_policy_of_limited_length(self, make: Make, refused: Refused) -> None:
        def write(resources: int) -> str:
            statement = {"Effect": "Deny", "Resource": [f"execute-api:/live/GET/{it}" for it in range(resources)]}
            return json.dumps(
                json.loads(_document({"/": {"get": _MOCK}}))
                | {"x-amazon-apigateway-policy": {"Statement": [statement]}}
            )

        assert make(API, body=write(70)).id
        assert "8192 characters" in refused(API, body=write(200)).message

    def test_may_have_the_same_variable_in_several_paths(self, make: Make) -> None:
        assert make(API, body=_document({"/orders/{id}": {"get": _MOCK}, "/orders/{id}/lines": {"get": _MOCK}})).id


class TestDeployments:
    def test_need_a_method(self, make: Make, refused: Refused) -> None:
        api = make(API, body=_document({}))

        assert refused(DEPLOYMENT, restApi=api.id).message == "The REST API doesn't contain any methods"

    def test_need_something_behind_every_method(self, make: Make, refused: Refused) -> None:
        api = make(API, body=_document({"/a": {"get": _MOCK, "x-amazon-apigateway-any-method": {}}}))

        assert refused(DEPLOYMENT, restApi=api.id).message == "No integration defined for method"

    def test_stay_while_a_stage_shows_them(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal, match="Active stages pointing to this deployment must be moved or deleted"):
            cloud.delete(DEPLOYMENT, world[DEPLOYMENT].id, world[DEPLOYMENT].outputs)


class TestStages:
    def test_have_an_address(self, world: World) -> None:
        outputs = world[STAGE].outputs

        assert outputs["invokeUrl"] == f"https://{world[API].id}.execute-api.us-east-1.amazonaws.com/live"
        assert world[STAGE].id == f"ags-{world[API].id}-live"

    def test_show_deployments_of_their_own_api(self, make: Make, refused: Refused, world: World) -> None:
        other = make(API)

        refusal = refused(STAGE, restApi=other.id, deployment=world[DEPLOYMENT].id)
        assert refusal.message == "Deployment id does not exist"

    def test_log_by_the_role_of_the_account(self, cloud: SimulatedCloud, world: World, refused: Refused) -> None:
        account = "aws:apigateway/account:Account"
        cloud.delete(account, world[account].id)
        log = {"destinationArn": world["aws:cloudwatch/logGroup:LogGroup"].outputs["arn"], "format": "$context.status"}

        refusal = refused(STAGE, stageName="other", accessLogSettings=log)
        assert refusal.message == "CloudWatch Logs role ARN must be set in account settings to enable logging"

    def test_go_with_their_api(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete(API, world[API].id)

        left = {type_ for type_, _ in cloud.list_resources()}
        assert not left & {STAGE, DEPLOYMENT, "aws:apigateway/methodSettings:MethodSettings"}


class TestMethodSettings:
    @pytest.mark.parametrize("path", ["orders/lines/GET", "/GET", "~1orders/get"])
    def test_name_methods_with_one_slash(self, cloud: SimulatedCloud, world: World, path: str) -> None:
        type_ = "aws:apigateway/methodSettings:MethodSettings"
        inputs = {"restApi": world[API].id, "stageName": "live", "methodPath": path, "settings": _LIMIT}

        assert [it.property for it in cloud.check(type_, inputs)] == ["methodPath"]


class TestKeys:
    def test_have_a_value_that_stays_and_is_stored_nowhere(
        self, cloud: SimulatedCloud, world: World, make: Make
    ) -> None:
        made = make(KEY, name="partner")
        stored = cloud.read(KEY, made.id)

        assert len(made.outputs["value"]) >= 20
        assert stored is not None and "value" not in stored
        assert cloud.update(KEY, made.id, {"name": "partner", "enabled": False})["value"] == made.outputs["value"]

    def test_are_in_one_plan_of_a_stage(self, make: Make, refused: Refused) -> None:
        other = make(PLAN, name="other")

        assert "is in another usage plan" in refused(PLAN_KEY, usagePlanId=other.id).message

    def test_go_with_their_plan(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete(PLAN, world[PLAN].id)

        assert PLAN_KEY not in {type_ for type_, _ in cloud.list_resources()}

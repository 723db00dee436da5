"""The stages of APIs, and the account settings through which stages log."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws import gateways as guards
from semantest_iac.infrastructure.simulated_cloud.aws.gateways import API_REFERENCE
from semantest_iac.infrastructure.simulated_cloud.aws.monitoring import LOG_GROUP_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import (
    REGION_AND_TAGS_OUTPUTS,
    REGION_OUTPUT,
    REGION_PROPERTY,
    TAGS_PROPERTY,
)
from semantest_iac.infrastructure.simulated_cloud.aws.security import ROLE_TYPE
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    OBSERVED,
    Length,
    OneOf,
    Pattern,
    Property,
    Range,
    block,
    flag,
    for_each,
    integer,
    map_of,
    number,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

STAGE_TYPE: Final = "aws:apigatewayv2/stage:Stage"
_ACCOUNT_SETTINGS: Final = guards.ACCOUNT_SETTINGS_TYPE

_BAD_REQUEST: Final = "BadRequestException"
_UNFIT_ROLE: Final = Refusal(
    _BAD_REQUEST,
    "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and "
    "add the required role policy.",
)


def _invoke_url(facts: RequestFacts) -> str:
    endpoint, stage = facts["api"]["apiEndpoint"], facts["name"]
    return f"{endpoint}/{'' if stage == '$default' else stage}"


_ROUTE_SETTINGS: Final[dict[str, Property]] = {
    **for_each(flag(default=False), "dataTraceEnabled", "detailedMetricsEnabled"),
    "loggingLevel": text(OneOf(("ERROR", "INFO", "OFF"), API), computed_default=True),
    "throttlingBurstLimit": integer(Range(0, None, DOC), computed_default=True),
    "throttlingRateLimit": number(Range(0, None, DOC), computed_default=True),
}

STAGE_TYPES: Final = {
    STAGE_TYPE: TypeRule(
        properties={
            "apiId": text(required=True, force_new=True),
            "accessLogSettings": block(
                {"destinationArn": text(required=True), "format": text(Length(1, 1024, API), required=True)}
            ),
            "autoDeploy": flag(default=False),
            "clientCertificateId": text(),
            "defaultRouteSettings": block(_ROUTE_SETTINGS),
            "deploymentId": text(computed_default=True),
            "description": text(Length(0, 1024, DOC)),
            "name": text(
                Length(1, 128, DOC),
                Pattern(r"^(\$default|[a-zA-Z0-9_-]+)$", API),
                force_new=True,
                computed_default=True,
            ),
            "routeSettings": set_of(block({"routeKey": text(required=True), **_ROUTE_SETTINGS})),
            "stageVariables": map_of(text()),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="{name}",
        unique_within=("apiId",),
        name_input="name",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={
            "arn": "arn:aws:apigateway:{region}::/apis/{apiId}/stages/{name}",
            "executionArn": "{api[executionArn]}/{name}",
            "invokeUrl": _invoke_url,
            "deploymentId": lambda facts: facts["small7"][:6] if facts["autoDeploy"] else "",
        },
        unique=(UniqueHandle("{apiId}/{name}", Refusal("ConflictException", "Stage already exists", 409)),),
        references=(
            API_REFERENCE,
            ResourceReference(
                "accessLogSettings.destinationArn",
                (LOG_GROUP_TYPE,),
                Refusal(_BAD_REQUEST, "The specified log group does not exist: {value}"),
                API,
                pattern=r"^(arn:aws:logs:.+?)(?::\*)?$",
            ),
        ),
        guards=(
            RequestGuard(
                guards.logs_execution_of_http_api,
                Refusal(_BAD_REQUEST, "Execution logs are not supported on protocolType HTTP"),
                OBSERVED,
            ),
            RequestGuard(
                guards.logs_without_role,
                Refusal(_BAD_REQUEST, "CloudWatch Logs role ARN must be set in account settings to enable logging"),
                OBSERVED,
            ),
        ),
    ),
    _ACCOUNT_SETTINGS: TypeRule(
        properties={"cloudwatchRoleArn": text(computed_default=True), **REGION_PROPERTY},
        identity="{account}",
        planned=REGION_OUTPUT,
        computed={
            "apiKeyVersion": "4",
            "cloudwatchRoleArn": "",
            "features": lambda _: ["UsagePlans"],
            "throttleSettings": lambda _: [{"burstLimit": 5000, "rateLimit": 10000}],
        },
        unique=(UniqueHandle("{account}", Refusal("ConflictException", "The account settings exist already", 409)),),
        references=(
            ResourceReference(
                "cloudwatchRoleArn",
                (ROLE_TYPE,),
                _UNFIT_ROLE,
                OBSERVED,
                fact_name="role",
            ),
        ),
        guards=(RequestGuard(guards.role_cannot_write_logs, _UNFIT_ROLE, OBSERVED),),
        create_overwrites=True,
    ),
}

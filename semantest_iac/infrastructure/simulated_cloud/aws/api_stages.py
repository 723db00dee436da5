"""Where APIs are called: their stages, and the settings of a region that stages log through."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws import api_guards as guards
from semantest_iac.infrastructure.simulated_cloud.aws.api_gateway import OF_API
from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL,
    REGIONAL_AND_TAGGED,
    TAGS,
)
from semantest_iac.infrastructure.simulated_cloud.aws.monitoring import LOG_GROUP
from semantest_iac.infrastructure.simulated_cloud.aws.security import ROLE
from semantest_iac.infrastructure.simulated_cloud.limits import Evidence, Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.properties import (
    Property,
    alike,
    block,
    flag,
    integer,
    map_of,
    number,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Guard,
    Reference,
    TypeRule,
    Unique,
)
from semantest_iac.infrastructure.simulated_cloud.values import Facts

STAGE: Final = "aws:apigatewayv2/stage:Stage"
ACCOUNT: Final = guards.ACCOUNT

API, DOC, OBSERVED = Evidence.API, Evidence.DOC, Evidence.OBSERVED
_BAD: Final = "BadRequestException"
_UNFIT_ROLE: Final = Refusal(
    _BAD,
    "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and "
    "add the required role policy.",
)


def _invoke_url(facts: Facts) -> str:
    endpoint, stage = facts["api"]["apiEndpoint"], facts["name"]
    return f"{endpoint}/{'' if stage == '$default' else stage}"


_ROUTE_SETTINGS: Final[dict[str, Property]] = {
    **alike(flag(default=False), "dataTraceEnabled", "detailedMetricsEnabled"),
    "loggingLevel": text(OneOf(("ERROR", "INFO", "OFF"), API), settled=True),
    "throttlingBurstLimit": integer(Range(0, None, DOC), settled=True),
    "throttlingRateLimit": number(Range(0, None, DOC), settled=True),
}

TYPES: Final = {
    STAGE: TypeRule(
        properties={
            "apiId": text(required=True, replaces=True),
            "accessLogSettings": block(
                {"destinationArn": text(required=True), "format": text(Length(1, 1024, API), required=True)}
            ),
            "autoDeploy": flag(default=False),
            "clientCertificateId": text(),
            "defaultRouteSettings": block(_ROUTE_SETTINGS),
            "deploymentId": text(settled=True),
            "description": text(Length(0, 1024, DOC)),
            "name": text(
                Length(1, 128, DOC),
                Pattern(r"^(\$default|[a-zA-Z0-9_-]+)$", API),
                replaces=True,
                settled=True,
            ),
            "routeSettings": set_of(block({"routeKey": text(required=True), **_ROUTE_SETTINGS})),
            "stageVariables": map_of(text()),
            **REGION,
            **TAGS,
        },
        identity="{name}",
        within=("apiId",),
        name="name",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "arn": "arn:aws:apigateway:{region}::/apis/{apiId}/stages/{name}",
            "executionArn": "{api[executionArn]}/{name}",
            "invokeUrl": _invoke_url,
            "deploymentId": lambda facts: facts["small7"][:6] if facts["autoDeploy"] else "",
        },
        unique=(Unique("{apiId}/{name}", Refusal("ConflictException", "Stage already exists", 409)),),
        references=(
            OF_API,
            Reference(
                "accessLogSettings.destinationArn",
                (LOG_GROUP,),
                Refusal(_BAD, "The specified log group does not exist: {value}"),
                API,
                pattern=r"^(arn:aws:logs:.+?)(?::\*)?$",
            ),
        ),
        guards=(
            Guard(
                guards.logs_execution_of_http,
                Refusal(_BAD, "Execution logs are not supported on protocolType HTTP"),
                OBSERVED,
            ),
            Guard(
                guards.logs_without_a_role,
                Refusal(_BAD, "CloudWatch Logs role ARN must be set in account settings to enable logging"),
                OBSERVED,
            ),
        ),
    ),
    ACCOUNT: TypeRule(
        properties={"cloudwatchRoleArn": text(settled=True), **REGION},
        identity="{account}",
        planned=REGIONAL,
        computed={
            "apiKeyVersion": "4",
            "cloudwatchRoleArn": "",
            "features": lambda _: ["UsagePlans"],
            "throttleSettings": lambda _: [{"burstLimit": 5000, "rateLimit": 10000}],
        },
        unique=(Unique("{account}", Refusal("ConflictException", "The account settings exist already", 409)),),
        references=(
            Reference(
                "cloudwatchRoleArn",
                (ROLE,),
                _UNFIT_ROLE,
                OBSERVED,
                named="role",
            ),
        ),
        guards=(Guard(guards.takes_no_logs, _UNFIT_ROLE, OBSERVED),),
        overwrites=True,
    ),
}

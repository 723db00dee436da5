"""The stages of APIs, and the account settings through which stages log."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.gateways import API_REFERENCE, is_http_api
from semantest_iac.infrastructure.simulated_cloud.aws.monitoring import LOG_GROUP_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.aws.security import ROLE_TYPE, role_allows, role_trusts
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    OBSERVED,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import UNORDERED, PropertyRefinement, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

STAGE_TYPE: Final = "aws:apigatewayv2/stage:Stage"
ACCOUNT_SETTINGS_TYPE: Final = "aws:apigateway/account:Account"

_LOGGING_ACTIONS: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
_LOGGING_POLICY: Final = "AmazonAPIGatewayPushToCloudWatchLogs"
_BAD_REQUEST: Final = "BadRequestException"
_UNFIT_ROLE: Final = Refusal(
    _BAD_REQUEST,
    "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and "
    "add the required role policy.",
)


def _invoke_url(facts: RequestFacts) -> str:
    endpoint, stage = facts["api"]["apiEndpoint"], facts["name"]
    return f"{endpoint}/{'' if stage == '$default' else stage}"


def _has_execution_logs(context: GuardContext) -> bool:
    settings = (context.facts["defaultRouteSettings"] or {}, *(context.facts["routeSettings"] or ()))
    return any(one.get("loggingLevel", "OFF") != "OFF" for one in settings)


def _logs_execution_of_http_api(context: GuardContext) -> bool:
    """HTTP APIs write access logs only."""
    return is_http_api(context.facts) and _has_execution_logs(context)


def _logs_without_role(context: GuardContext) -> bool:
    """API Gateway logs a WebSocket API through the role in the account settings of the region."""
    logs = bool(context.facts["accessLogSettings"]) or _has_execution_logs(context)
    has_role = any(row["cloudwatchRoleArn"] for row in context.resources_of(ACCOUNT_SETTINGS_TYPE))
    return logs and not has_role and not is_http_api(context.facts)


def _role_cannot_write_logs(context: GuardContext) -> bool:
    role = context.facts["role"]
    return bool(role) and not (
        role_trusts(role, "apigateway.amazonaws.com") and role_allows(context, role, _LOGGING_ACTIONS, _LOGGING_POLICY)
    )


def _refine_route_settings(path: str) -> dict[str, PropertyRefinement]:
    limit = refine(Range(0, None, DOC), computed_default=True)
    return {
        f"{path}.loggingLevel": refine(OneOf(("ERROR", "INFO", "OFF"), API), computed_default=True, default=None),
        **dict.fromkeys((f"{path}.throttlingBurstLimit", f"{path}.throttlingRateLimit"), limit),
    }


STAGE_TYPES: Final[dict[str, TypeRule]] = {
    STAGE_TYPE: AwsType(STAGE_TYPE, "{name}", arn="arn:aws:apigateway:{region}::/apis/{apiId}/stages/{name}").rule(
        {
            "accessLogSettings.format": refine(Length(1, 1024, API)),
            **_refine_route_settings("defaultRouteSettings"),
            "description": refine(Length(0, 1024, DOC)),
            "name": refine(Length(1, 128, DOC), Pattern(r"^(\$default|[a-zA-Z0-9_-]+)$", API)),
            "routeSettings": UNORDERED,
            **_refine_route_settings("routeSettings"),
        },
        unique_within=("apiId",),
        computed={
            "executionArn": "{api[executionArn]}/{name}",
            "invokeUrl": _invoke_url,
            "deploymentId": lambda facts: facts["small7"][:6] if facts["autoDeploy"] else "",
        },
        unique=(UniqueHandle("{apiId}/{name}", Refusal("ConflictException", "Stage already exists", 409)),),
        in_use_refusal=Refusal(  # source: the answer of DeleteStage in public reports
            _BAD_REQUEST,
            "Deleting stage {name} failed. Please remove all base path mappings related to the stage in your domains",
        ),
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
                _logs_execution_of_http_api,
                Refusal(_BAD_REQUEST, "Execution logs are not supported on protocolType HTTP"),
                OBSERVED,
            ),
            RequestGuard(
                _logs_without_role,
                Refusal(_BAD_REQUEST, "CloudWatch Logs role ARN must be set in account settings to enable logging"),
                OBSERVED,
            ),
        ),
    ),
    ACCOUNT_SETTINGS_TYPE: AwsType(ACCOUNT_SETTINGS_TYPE, "{account}").rule(
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
        guards=(RequestGuard(_role_cannot_write_logs, _UNFIT_ROLE, OBSERVED),),
        create_overwrites=True,
    ),
}

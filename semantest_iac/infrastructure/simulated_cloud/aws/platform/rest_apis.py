"""REST APIs of API Gateway, which are imported as OpenAPI documents, with their stages, usage plans and keys.

Source of what is `OBSERVED`: answers of AWS in reports of its users, which name them word by word. Source of what is
`API`: the reference of API Gateway (CreateStage, CreateUsagePlan, CreateApiKey, UpdateStage); of `DOC` among the
guards: its developer guide, quotas for configuring and running a REST API, which gives no words for what is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.gateway_stages import ACCOUNT_SETTINGS_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.monitoring import LOG_GROUP_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    OBSERVED,
    Length,
    OneOf,
    Pattern,
    Range,
    ValueKind,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    COMPUTED,
    REPLACES,
    UNORDERED,
    change_kind,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

REST_API_TYPE: Final = "aws:apigateway/restApi:RestApi"
DEPLOYMENT_TYPE: Final = "aws:apigateway/deployment:Deployment"
REST_STAGE_TYPE: Final = "aws:apigateway/stage:Stage"
METHOD_SETTINGS_TYPE: Final = "aws:apigateway/methodSettings:MethodSettings"
API_KEY_TYPE: Final = "aws:apigateway/apiKey:ApiKey"
USAGE_PLAN_TYPE: Final = "aws:apigateway/usagePlan:UsagePlan"
USAGE_PLAN_KEY_TYPE: Final = "aws:apigateway/usagePlanKey:UsagePlanKey"
VPC_LINK_TYPE: Final = "aws:apigateway/vpcLink:VpcLink"

_BAD_REQUEST, _NOT_FOUND, _CONFLICT = "BadRequestException", "NotFoundException", "ConflictException"
_INTEGRATION: Final = "x-amazon-apigateway-integration"
_METHODS: Final = (
    *("get", "put", "post", "delete", "options", "head", "patch", "trace"),
    "x-amazon-apigateway-any-method",
)
_SECONDS_PER_LINK: Final = 180
_SECONDS_PER_CACHE: Final = 240


def read_imported(body: str) -> Mapping[str, Any] | None:
    """Return the document of an API; None for YAML and for what is no document."""
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, Mapping) else None


def _list_methods(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in (document.get("paths") or {}).values():
        yield from (item[name] for name in _METHODS if isinstance(item, Mapping) and name in item)


def _is_no_document(context: GuardContext) -> bool:
    """Whether JSON is imported that is no OpenAPI document; YAML is taken as it is."""
    body = str(context.facts["body"] or "").lstrip()
    if not body.startswith("{"):
        return False
    document = read_imported(body)
    return document is None or not ("openapi" in document or "swagger" in document)


def _has_sibling_variables(context: GuardContext) -> bool:
    """Whether a place in the paths has two variables; API Gateway makes a tree of them."""
    document = read_imported(str(context.facts["body"] or "")) or {}
    found: dict[str, str] = {}
    for path in document.get("paths") or {}:
        before = ""
        for segment in str(path).split("/")[1:]:
            if segment.startswith("{") and found.setdefault(before, segment) != segment:
                context.facts["sibling"] = found[before]
                return True
            before = f"{before}/{segment}"
    return False


_PATH_PART: Final = re.compile(r"[a-zA-Z0-9._:-]*|\{[a-zA-Z0-9._:-]+\+?\}")
_MOST_AUTHORIZERS: Final = 10
_LONGEST_POLICY: Final = 8192


def _has_bad_path_part(context: GuardContext) -> bool:
    document = read_imported(str(context.facts["body"] or "")) or {}
    bad = [it for it in document.get("paths") or {} if not all(map(_PATH_PART.fullmatch, str(it).split("/")))]
    context.facts["badPath"] = bad[0] if bad else ""
    return bool(bad)


def _has_many_authorizers(context: GuardContext) -> bool:
    document = read_imported(str(context.facts["body"] or "")) or {}
    schemes = ((document.get("components") or {}).get("securitySchemes") or {}).values()
    return sum("x-amazon-apigateway-authorizer" in it for it in schemes) > _MOST_AUTHORIZERS


def _has_long_policy(context: GuardContext) -> bool:
    """Whether the policy is too long once the short names of the API's resources are those of an account."""
    document = read_imported(str(context.facts["body"] or "")) or {}
    whole = "arn:aws:execute-api:{region}:{account}:{small10}/".format_map(
        {name: context.facts[name] for name in ("region", "account", "small10")}
    )
    policy = json.dumps(document.get("x-amazon-apigateway-policy") or {}, separators=(",", ":"))
    return len(policy.replace("execute-api:/", whole)) > _LONGEST_POLICY


def _imported_methods(context: GuardContext) -> list[Mapping[str, Any]] | None:
    """Return the methods of the API that is deployed; None for one that was not imported as JSON."""
    api = context.facts["api"]
    document = read_imported(str(api.get("body") or "")) if isinstance(api, Mapping) else None
    return None if document is None else list(_list_methods(document))


def _has_no_methods(context: GuardContext) -> bool:
    return _imported_methods(context) == []


def _lacks_integration(context: GuardContext) -> bool:
    return any(_INTEGRATION not in method for method in _imported_methods(context) or ())


def _logs_without_role(context: GuardContext) -> bool:
    """Stages of REST APIs log through the role in the account settings of the region."""
    has_role = any(row["cloudwatchRoleArn"] for row in context.resources_of(ACCOUNT_SETTINGS_TYPE))
    settings = context.facts["settings"]
    level = settings.get("loggingLevel", "OFF") if isinstance(settings, Mapping) else "OFF"
    return not has_role and (bool(context.facts["accessLogSettings"]) or level not in ("", "OFF"))


def _is_in_other_plan(context: GuardContext) -> bool:
    """A key is in one usage plan of each stage at most."""
    plans = {row["id"]: _list_stages(row) for row in context.resources_of(USAGE_PLAN_TYPE)}
    own = plans.get(context.facts["usagePlanId"], set())
    return any(
        own & plans.get(row["usagePlanId"], set())
        for row in context.resources_of(USAGE_PLAN_KEY_TYPE)
        if row["keyId"] == context.facts["keyId"] and row["usagePlanId"] != context.facts["usagePlanId"]
    )


def _list_stages(plan: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(stage["apiId"], stage["stage"]) for stage in plan.get("apiStages") or ()}


_NO_ROLE: Final = RequestGuard(
    _logs_without_role,
    Refusal(_BAD_REQUEST, "CloudWatch Logs role ARN must be set in account settings to enable logging"),
    OBSERVED,
)
_API_REFERENCE: Final = ResourceReference(
    "restApi",
    (REST_API_TYPE,),
    Refusal(_NOT_FOUND, "Invalid API identifier specified {account}:{value}", 404),
    API,
    fact_name="api",
    on_delete=OnDelete.CASCADE,
)


def _stage_reference(path: str, api: str) -> ResourceReference:
    refusal = Refusal(_NOT_FOUND, "Invalid stage identifier specified", 404)
    return ResourceReference(
        path, (REST_STAGE_TYPE,), refusal, API, handle=f"{{{api}}}/{{value}}", on_delete=OnDelete.CASCADE
    )


def _short_id(facts: RequestFacts) -> str:
    return str(facts["small7"])[:6]


def _stage_seconds(facts: RequestFacts) -> float:
    return _SECONDS_PER_CACHE if facts["cacheClusterEnabled"] else 2


REST_API_TYPES: Final[dict[str, TypeRule]] = {
    REST_API_TYPE: AwsType(REST_API_TYPE, "{small10}", arn="arn:aws:apigateway:{region}::/restapis/{small10}").rule(
        {
            "apiKeySource": refine(OneOf(("HEADER", "AUTHORIZER"), API)),
            "binaryMediaTypes": UNORDERED,
            "body": change_kind(ValueKind.TEXT),  # YAML, too
            "endpointConfiguration.types": refine(OneOf(("EDGE", "PRIVATE", "REGIONAL"), API)),
            "name": refine(Length(1, 1024, DOC)),
            "putRestApiMode": refine(OneOf(("merge", "overwrite"), DOC), default="overwrite"),
        },
        computed={
            "apiKeySource": "HEADER",
            "executionArn": "arn:aws:execute-api:{region}:{account}:{small10}",
            "rootResourceId": lambda facts: str(facts["small10"])[::-1],
            "endpointConfiguration": lambda _: {"types": "EDGE", "ipAddressType": "ipv4", "vpcEndpointIds": []},
        },
        guards=(
            RequestGuard(_is_no_document, Refusal(_BAD_REQUEST, "Invalid OpenAPI input."), OBSERVED),
            RequestGuard(
                _has_sibling_variables,
                Refusal(
                    _BAD_REQUEST,
                    "A sibling ({sibling}) of this resource already has a variable path part -- only one is allowed",
                ),
                OBSERVED,
            ),
            RequestGuard(
                _has_bad_path_part,
                Refusal(
                    _BAD_REQUEST,
                    "Unable to create resource at path '{badPath}': Resource's path part only allow a-zA-Z0-9._-: or a "
                    "valid greedy path variable and curly braces at the beginning and the end and an optional plus "
                    "sign before the closing brace.",
                ),
                OBSERVED,
            ),
            RequestGuard(
                _has_many_authorizers,
                Refusal("LimitExceededException", f"Maximum number of authorizers ({_MOST_AUTHORIZERS}) reached."),
                DOC,
            ),
            RequestGuard(
                _has_long_policy,
                Refusal(_BAD_REQUEST, f"The resource policy has more than {_LONGEST_POLICY} characters."),
                DOC,
            ),
        ),
        latency_seconds=5,
    ),
    DEPLOYMENT_TYPE: AwsType(DEPLOYMENT_TYPE, _short_id).rule(
        {"restApi": REPLACES, "triggers": REPLACES, "variables": REPLACES},
        unique_within=("restApi",),
        handles=(lambda facts: (f"{facts['restApi']}/{_short_id(facts)}",),),
        references=(_API_REFERENCE,),
        guards=(
            RequestGuard(_has_no_methods, Refusal(_BAD_REQUEST, "The REST API doesn't contain any methods"), OBSERVED),
            RequestGuard(_lacks_integration, Refusal(_BAD_REQUEST, "No integration defined for method"), OBSERVED),
        ),
        in_use_refusal=Refusal(_BAD_REQUEST, "Active stages pointing to this deployment must be moved or deleted"),
    ),
    REST_STAGE_TYPE: AwsType(
        REST_STAGE_TYPE,
        "ags-{restApi}-{stageName}",
        arn="arn:aws:apigateway:{region}::/restapis/{restApi}/stages/{stageName}",
    ).rule(
        {
            "restApi": REPLACES,
            "stageName": refine(Length(1, 128, DOC), Pattern(r"^[a-zA-Z0-9_-]+$", API)),
            "cacheClusterSize": refine(
                OneOf(("0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"), API), computed_default=True
            ),
            "description": refine(Length(0, 1024, DOC)),
        },
        computed={
            "cacheClusterSize": lambda facts: "0.5" if facts["cacheClusterEnabled"] else "",
            "executionArn": "{api[executionArn]}/{stageName}",
            "invokeUrl": "https://{restApi}.execute-api.{region}.amazonaws.com/{stageName}",
        },
        handles=("{arn}", "{restApi}/{stageName}"),
        unique=(UniqueHandle("{restApi}/{stageName}", Refusal(_CONFLICT, "Stage already exists", 409)),),
        in_use_refusal=Refusal(  # source: the answers of DeleteStage and DeleteRestApi in public reports
            _BAD_REQUEST,
            "Deleting stage {stageName} failed. Please remove all base path mappings related to the stage in your "
            "domains",
        ),
        references=(
            _API_REFERENCE,
            ResourceReference(
                "deployment",
                (DEPLOYMENT_TYPE,),
                Refusal(_BAD_REQUEST, "Deployment id does not exist"),
                OBSERVED,
                handle="{restApi}/{value}",
                on_delete=OnDelete.REFUSE,
            ),
            ResourceReference(
                "accessLogSettings.destinationArn",
                (LOG_GROUP_TYPE,),
                Refusal(_BAD_REQUEST, "The specified log group does not exist: {value}"),
                API,
                pattern=r"^(arn:aws:logs:.+?)(?::\*)?$",
            ),
        ),
        guards=(_NO_ROLE,),
        latency_seconds=_stage_seconds,
    ),
    METHOD_SETTINGS_TYPE: AwsType(METHOD_SETTINGS_TYPE, "{restApi}-{stageName}-{methodPath}").rule(
        {
            **dict.fromkeys(("restApi", "stageName", "methodPath"), REPLACES),
            "methodPath": refine(Pattern(r"^[^/]+/([A-Z]+|\*)$", OBSERVED), force_new=True),  # other slashes are ~1
            "settings.cacheTtlInSeconds": refine(Range(0, 3600, API), computed_default=True),
            "settings.loggingLevel": refine(OneOf(("ERROR", "INFO", "OFF"), API), computed_default=True),
            "settings.unauthorizedCacheControlHeaderStrategy": refine(
                OneOf(
                    (
                        "FAIL_WITH_403",
                        "SUCCEED_WITH_RESPONSE_HEADER",
                        "SUCCEED_WITHOUT_RESPONSE_HEADER",
                    ),
                    API,
                ),
                computed_default=True,
            ),
            **dict.fromkeys(
                (
                    *("settings.cacheDataEncrypted", "settings.cachingEnabled", "settings.dataTraceEnabled"),
                    *("settings.metricsEnabled", "settings.requireAuthorizationForCacheControl"),
                ),
                COMPUTED,
            ),
            **dict.fromkeys(
                ("settings.throttlingBurstLimit", "settings.throttlingRateLimit"),
                refine(Range(-1, None, DOC), default=-1),
            ),
        },
        references=(_API_REFERENCE, _stage_reference("stageName", "restApi")),
        guards=(_NO_ROLE,),
    ),
    API_KEY_TYPE: AwsType(API_KEY_TYPE, "{small10}", arn="arn:aws:apigateway:{region}::/apikeys/{small10}").rule(
        {
            "description": refine(default="Managed by Pulumi"),
            "name": refine(Length(1, 1024, DOC), force_new=True),
            "value": refine(Length(20, 128, DOC)),
        },
        computed={"value": "{hex17}{small7}{mixed6}{hex8}"},
    ),
    USAGE_PLAN_TYPE: AwsType(USAGE_PLAN_TYPE, _short_id).rule(
        {
            "apiStages": UNORDERED,
            "name": refine(Length(1, 1024, DOC)),
            "quotaSettings.limit": refine(Range(1, None, API)),
            "quotaSettings.offset": refine(Range(0, 27, DOC), default=0),
            "quotaSettings.period": refine(OneOf(("DAY", "WEEK", "MONTH"), API)),
            "apiStages.throttles": UNORDERED,
        },
        computed={"arn": lambda facts: f"arn:aws:apigateway:{facts['region']}::/usageplans/{_short_id(facts)}"},
        references=(
            ResourceReference(
                "apiStages.*.apiId",
                (REST_API_TYPE,),
                Refusal(_NOT_FOUND, "Invalid API identifier specified {account}:{value}", 404),
                API,
            ),
        ),
    ),
    USAGE_PLAN_KEY_TYPE: AwsType(USAGE_PLAN_KEY_TYPE, "{keyId}").rule(
        {"keyType": refine(OneOf(("API_KEY",), API))},
        unique_within=("usagePlanId",),
        computed={"name": "{key[name]}", "value": ""},  # of the key, nothing is stored that could be reported again
        unique=(
            UniqueHandle(
                "{usagePlanId}/{keyId}",
                Refusal(_CONFLICT, "Usage plan {usagePlanId} already contains the key {keyId}", 409),
            ),
        ),
        references=(
            ResourceReference(
                "keyId",
                (API_KEY_TYPE,),
                Refusal(_NOT_FOUND, "Invalid API Key identifier specified", 404),
                API,
                fact_name="key",
                on_delete=OnDelete.CASCADE,
            ),
            ResourceReference(
                "usagePlanId",
                (USAGE_PLAN_TYPE,),
                Refusal(_NOT_FOUND, "Invalid Usage Plan ID specified", 404),
                API,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        guards=(
            RequestGuard(
                _is_in_other_plan,
                Refusal(_CONFLICT, "The key {keyId} is in another usage plan of the same stage", 409),
                DOC,
            ),
        ),
    ),
    VPC_LINK_TYPE: AwsType(VPC_LINK_TYPE, _short_id).rule(
        {"name": refine(Length(1, 1024, DOC))},
        computed={"arn": lambda facts: f"arn:aws:apigateway:{facts['region']}::/vpclinks/{_short_id(facts)}"},
        latency_seconds=_SECONDS_PER_LINK,
    ),
}

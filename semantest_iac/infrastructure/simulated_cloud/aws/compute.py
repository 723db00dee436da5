"""Lambda functions, aliases, permissions and provisioned concurrency."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.functions import (
    ALIAS_TYPE,
    FUNCTION_GUARDS,
    FUNCTION_NAME_PATTERN,
    FUNCTION_TYPE,
    PROVISIONED_CONCURRENCY_TYPE,
    function_name,
)
from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.qualifiers import (
    ALIAS_GUARDS,
    PERMISSION_GUARDS,
    PROVISIONED_CONCURRENCY_GUARDS,
)
from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.runtimes import RUNTIME_NAMES
from semantest_iac.infrastructure.simulated_cloud.aws.networking import SECURITY_GROUP_TYPE, SUBNET_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import (
    REGION_AND_TAGS_OUTPUTS,
    REGION_OUTPUT,
    REGION_PROPERTY,
    TAGS_PROPERTY,
)
from semantest_iac.infrastructure.simulated_cloud.aws.security import ROLE_TYPE
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    CFN,
    DOC,
    OBSERVED,
    Count,
    Length,
    NameOrArnLength,
    OneOf,
    Pattern,
    Range,
    archive,
    block,
    flag,
    for_each,
    integer,
    list_of,
    map_of,
    number,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    OnDelete,
    RecomputedOutputs,
    Requires,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

_KMS_KEY_ARN: Final = text(Length(0, 10000, CFN), Pattern(r"^(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()$", CFN))
_CODE_INPUTS: Final = ("code", "sourceCodeHash", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri", "architectures")
_CONFIGURATION_INPUTS: Final = (
    *("role", "handler", "runtime", "memorySize", "timeout", "description", "environment", "layers", "kmsKeyArn"),
    *("deadLetterConfig", "ephemeralStorage", "fileSystemConfig", "imageConfig", "loggingConfig", "snapStart"),
    *("tracingConfig", "vpcConfig", "capacityProviderConfig", "durableConfig", "publish"),
)
_INVOKE_ARN_PREFIX: Final = "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/"


def _version_number(version: str) -> int:
    return int(version) if version.isdecimal() else 0


def _newest_version(facts: RequestFacts) -> str:
    """Return the newest version; what was published stays when nothing more is published."""
    before = facts["previous"]["version"] if facts["previous"] else "$LATEST"
    return str(_version_number(before) + 1) if facts["publish"] else before


def _version_arns(facts: RequestFacts) -> list[str]:
    published = range(1, _version_number(facts["version"]) + 1)
    return [f"{facts['arn']}:{version}" for version in ("$LATEST", *published)]


def _function_name(facts: RequestFacts) -> str:
    return function_name(facts["name"])


def _vpc_output(facts: RequestFacts) -> dict[str, Any]:
    subnet = facts["subnet_found"]
    empty = {"ipv6AllowedForDualStack": False, "securityGroupIds": [], "subnetIds": []}
    return {**empty, **facts["vpcConfig"], "vpcId": subnet["vpcId"] if subnet else ""}


def _logging_output(facts: RequestFacts) -> dict[str, Any]:
    written = facts["loggingConfig"] or {"logFormat": "Text"}
    levels = {"applicationLogLevel": "INFO", "systemLogLevel": "INFO"} if written["logFormat"] == "JSON" else {}
    return {**levels, "logGroup": f"/aws/lambda/{_function_name(facts)}", **written}


def _code_hash(facts: RequestFacts) -> str:
    code = facts["code"]
    identity = code.get("hash", "") if isinstance(code, Mapping) else ""
    digest = sha256(str(identity or [facts[name] for name in _CODE_INPUTS]).encode()).digest()
    return facts["sourceCodeHash"] or b64encode(digest).decode()


def _vpc_reference(path: str, type_: str, call: str, code: str, message: str, fact_name: str = "") -> ResourceReference:
    lambda_message = f"Error occurred while {call}. EC2 Error Code: {code}. EC2 Error Message: {message}"
    refusal = Refusal("InvalidParameterValueException", lambda_message)
    return ResourceReference(path, (type_,), refusal, OBSERVED, fact_name=fact_name, on_delete=OnDelete.REFUSE)


_FUNCTION_RULE: Final = TypeRule(
    properties={
        "role": text(
            Length(0, 10000, CFN),
            Pattern(r"^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$", CFN),
            required=True,
        ),
        "architectures": list_of(text(OneOf(("x86_64", "arm64"), CFN)), Count(1, 1, CFN), computed_default=True),
        "capacityProviderConfig": block(
            {
                "lambdaManagedInstancesCapacityProviderConfig": block(
                    {
                        "capacityProviderArn": text(Length(1, 140, CFN), required=True),
                        "executionEnvironmentMemoryGibPerVcpu": number(Range(2, 8, CFN)),
                        "perExecutionEnvironmentMaxConcurrency": integer(Range(1, 1600, CFN)),
                    },
                    required=True,
                )
            }
        ),
        "code": archive(),
        "codeSigningConfigArn": text(Length(0, 200, CFN)),
        "deadLetterConfig": block({"targetArn": text(*_KMS_KEY_ARN.limits, required=True)}),
        "description": text(Length(0, 256, CFN)),
        "durableConfig": block(
            {
                "executionTimeout": integer(Range(1, 31622400, CFN), required=True),
                "retentionPeriod": integer(Range(1, 90, CFN)),
            }
        ),
        "environment": block(
            {"variables": map_of(text())},
            sensitive=True,
        ),
        "ephemeralStorage": block({"size": integer(Range(512, 32768, CFN))}, computed_default=True),
        "fileSystemConfig": block(
            {
                "arn": text(Length(None, 200, CFN), required=True),
                "localMountPath": text(Length(0, 160, CFN), Pattern(r"^/mnt/[a-zA-Z0-9-_.]+$", CFN), required=True),
            }
        ),
        "handler": text(Length(0, 128, CFN), Pattern(r"^[^\s]+$", CFN)),
        "imageConfig": block(
            {
                **for_each(list_of(text(), Count(0, 1500, CFN)), "commands", "entryPoints"),
                "workingDirectory": text(Length(0, 1000, CFN)),
            }
        ),
        "imageUri": text(),
        "kmsKeyArn": _KMS_KEY_ARN,
        "layers": list_of(text(Length(1, None, CFN)), Count(None, 5, CFN)),
        "loggingConfig": block(
            {
                "logFormat": text(OneOf(("Text", "JSON"), CFN), required=True),
                "applicationLogLevel": text(
                    OneOf(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"), CFN), computed_default=True
                ),
                "logGroup": text(Length(1, 512, CFN), Pattern(r"[\.\-_/#A-Za-z0-9]+", CFN), computed_default=True),
                "systemLogLevel": text(OneOf(("DEBUG", "INFO", "WARN"), CFN), computed_default=True),
            },
            computed_default=True,
        ),
        "memorySize": integer(Range(128, 32768, CFN), default=128),
        "name": text(
            NameOrArnLength(1, 64, API),
            Pattern(
                r"^([a-zA-Z0-9_-]{1,64}|"
                r"arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:function:[a-zA-Z0-9_-]{1,64})$",
                CFN,
            ),
            force_new=True,
            computed_default=True,
            reported_differently=True,
        ),
        "packageType": text(OneOf(("Image", "Zip"), CFN), force_new=True, default="Zip"),
        "publish": flag(default=False),
        "publishTo": text(OneOf(("LATEST_PUBLISHED",), DOC)),
        "reservedConcurrentExecutions": integer(Range(-1, None, DOC), default=-1),
        "replacementSecurityGroupIds": set_of(text()),
        "runtime": text(OneOf(RUNTIME_NAMES, CFN)),
        "s3Bucket": text(Length(3, 63, CFN), Pattern(r"^[0-9A-Za-z\.\-_]*(?<!\.)$", CFN)),
        **for_each(text(Length(1, 1024, CFN)), "s3Key", "s3ObjectVersion"),
        "snapStart": block(
            {
                "applyOn": text(OneOf(("PublishedVersions", "None"), CFN), required=True),
                "optimizationStatus": text(computed_default=True),
            }
        ),
        **for_each(text(computed_default=True), "sourceCodeHash", "codeSha256"),
        "sourceKmsKeyArn": _KMS_KEY_ARN,
        "tenancyConfig": block(
            {"tenantIsolationMode": text(OneOf(("PER_TENANT",), CFN), required=True)}, force_new=True
        ),
        "timeout": integer(Range(1, 900, DOC), default=3),
        "tracingConfig": block(
            {"mode": text(OneOf(("Active", "PassThrough"), CFN), required=True)}, computed_default=True
        ),
        **for_each(
            flag(default=False),
            *("replaceSecurityGroupsOnDestroy", "skipDestroy", "useResourceTimeoutForPropagation"),
        ),
        "vpcConfig": block(
            {
                "securityGroupIds": set_of(
                    text(Length(0, 1024, CFN), Pattern(r"^sg-[0-9a-zA-Z]*$", CFN)),
                    Count(0, 5, CFN),
                    required=True,
                    allow_blank=True,
                ),
                "subnetIds": set_of(
                    text(Length(0, 1024, CFN), Pattern(r"^subnet-[0-9a-z]*$", CFN)),
                    Count(0, 16, CFN),
                    required=True,
                    allow_blank=True,
                ),
                "ipv6AllowedForDualStack": flag(),
                "vpcId": text(computed_default=True),
            }
        ),
        **REGION_PROPERTY,
        **TAGS_PROPERTY,
    },
    identity=_function_name,
    name_input="name",
    planned=REGION_AND_TAGS_OUTPUTS,
    rendered={"name": _function_name, "vpcConfig": _vpc_output, "loggingConfig": _logging_output},
    computed={
        "arn": lambda facts: f"arn:aws:lambda:{facts['region']}:{facts['account']}:function:{_function_name(facts)}",
        "version": _newest_version,
        "qualifiedArn": "{arn}:{version}",
        "invokeArn": _INVOKE_ARN_PREFIX + "{arn}/invocations",
        "qualifiedInvokeArn": _INVOKE_ARN_PREFIX + "{qualifiedArn}/invocations",
        "responseStreamingInvokeArn": (
            "arn:aws:apigateway:{region}:lambda:path/2021-11-15/functions/{arn}/response-streaming-invocations"
        ),
        "sourceCodeHash": _code_hash,
        "codeSha256": _code_hash,
        "sourceCodeSize": lambda _: 0,
        "lastModified": "{now}",
        "signingJobArn": "",
        "signingProfileVersionArn": "",
        "architectures": lambda _: ["x86_64"],
        "ephemeralStorage": lambda _: {"size": 512},
        "tracingConfig": lambda _: {"mode": "PassThrough"},
        "loggingConfig": _logging_output,
    },
    handles=("{arn}", _function_name, _version_arns),
    unique=(UniqueHandle("{name}", Refusal("ResourceConflictException", "Function already exist: {name}", 409)),),
    references=(
        ResourceReference(
            "role",
            (ROLE_TYPE,),
            Refusal(
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
            ),
            OBSERVED,
            fact_name="role_found",
        ),
        _vpc_reference(
            "vpcConfig.subnetIds.*",
            SUBNET_TYPE,
            "DescribeSubnets",
            "InvalidSubnetID.NotFound",
            "The subnet ID '{value}' does not exist",
            "subnet_found",
        ),
        _vpc_reference(
            "vpcConfig.securityGroupIds.*",
            SECURITY_GROUP_TYPE,
            "DescribeSecurityGroups",
            "InvalidGroup.NotFound",
            "The security group '{value}' does not exist",
        ),
    ),
    conditions=(
        Choice(1, 1, ("code", "imageUri", "s3Bucket"), DOC),
        Requires("s3Bucket", ("s3Key",), DOC),
        Requires("code", ("runtime", "handler"), DOC),
        Requires("s3Bucket", ("runtime", "handler"), DOC),
    ),
    guards=FUNCTION_GUARDS,
    recomputed=(
        RecomputedOutputs(
            ("version", "qualifiedArn", "qualifiedInvokeArn"),
            (*_CODE_INPUTS, *_CONFIGURATION_INPUTS),
            only_if="publish",
        ),
        RecomputedOutputs(("lastModified",), (*_CODE_INPUTS, *_CONFIGURATION_INPUTS)),
        RecomputedOutputs(("sourceCodeHash", "codeSha256", "sourceCodeSize"), _CODE_INPUTS),
    ),
    retain_input="skipDestroy",
    version_output="version",
    latency_seconds=8,
)

PERMISSION_TYPE: Final = "aws:lambda/permission:Permission"
_ALIAS_INVOKE_ARN: Final = "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
_NOT_FOUND: Final = "ResourceNotFoundException"
_FUNCTION_PREFIX: Final = r"^(?:(?:.*:)?function:|(?!function:))[a-zA-Z0-9-_]+"
_ALIAS_NAME: Final = r"(?!\d+$)[a-zA-Z0-9-_]+"


def _function_reference(path: str) -> ResourceReference:
    return ResourceReference(
        path,
        (FUNCTION_TYPE,),
        Refusal(_NOT_FOUND, "Function not found: arn:aws:lambda:{region}:{account}:function:{value}", 404),
        API,
        fact_name="function_found",
        pattern=FUNCTION_NAME_PATTERN,
        on_delete=OnDelete.CASCADE,
    )


def _version_reference(
    path: str, pattern: str = r"^(\d+|.*\$.*)$", on_delete: OnDelete = OnDelete.ALLOW
) -> ResourceReference:
    return ResourceReference(
        path,
        (FUNCTION_TYPE,),
        Refusal(_NOT_FOUND, "Function not found: {function_found[arn]}:{value}", 404),
        OBSERVED,
        pattern=pattern,
        handle="{function_found[arn]}:{value}",
        on_delete=on_delete,
    )


def _alias_reference(path: str, pattern: str = rf"^({_ALIAS_NAME})$") -> ResourceReference:
    return ResourceReference(
        path,
        (ALIAS_TYPE,),
        Refusal(_NOT_FOUND, "Cannot find alias arn: {function_found[arn]}:{value}", 404),
        OBSERVED,
        pattern=pattern,
        handle="{function_found[arn]}:{value}",
        on_delete=OnDelete.CASCADE,
    )


_ALIAS_RULE: Final = TypeRule(
    properties={
        "functionName": text(required=True, force_new=True),
        "functionVersion": text(
            Length(0, 1024, CFN), Pattern(r"^(\$LATEST(\.PUBLISHED)?|[0-9]*)$", CFN), required=True
        ),
        "description": text(Length(0, 256, CFN)),
        "name": text(
            Length(1, 128, CFN), Pattern(r"^(?!^[0-9]+$)([a-zA-Z0-9-_]+)$", CFN), force_new=True, computed_default=True
        ),
        "routingConfig": block({"additionalVersionWeights": map_of(number(Range(0, 1, API)))}),
        **REGION_PROPERTY,
    },
    identity="{arn}",
    name_input="name",
    planned=REGION_OUTPUT,
    computed={"arn": "{function_found[arn]}:{name}", "invokeArn": _ALIAS_INVOKE_ARN},
    unique=(
        UniqueHandle(
            "{function_found[arn]}:{name}",
            Refusal("ResourceConflictException", "Alias already exists: {function_found[arn]}:{name}", 409),
        ),
    ),
    references=(_function_reference("functionName"), _version_reference("functionVersion")),
    guards=ALIAS_GUARDS,
)

_PERMISSION_RULE: Final = TypeRule(
    properties={
        "action": text(
            Length(1, 256, CFN),
            Pattern(r"^(lambda:[*]|lambda:[a-zA-Z]+|[*])$", CFN),
            required=True,
            force_new=True,
        ),
        "function": text(Length(1, 140, CFN), required=True, force_new=True),
        "principal": text(Length(1, 256, CFN), Pattern(r"^.*$", CFN), required=True, force_new=True),
        "eventSourceToken": text(Length(1, 256, CFN), Pattern(r"^[a-zA-Z0-9._\-]+$", CFN), force_new=True),
        "functionUrlAuthType": text(OneOf(("AWS_IAM", "NONE"), CFN), force_new=True),
        "invokedViaFunctionUrl": flag(force_new=True),
        "principalOrgId": text(Length(12, 34, CFN), Pattern(r"^o-[a-z0-9]{10,32}$", CFN), force_new=True),
        "qualifier": text(
            Length(1, 128, API), Pattern(r"^(\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+)$", OBSERVED), force_new=True
        ),
        "sourceAccount": text(Length(12, 12, CFN), Pattern(r"^\d{12}$", CFN), force_new=True),
        "sourceArn": text(Length(12, 1024, CFN), force_new=True),
        "statementId": text(
            Length(1, 100, OBSERVED), Pattern(r"^[a-zA-Z0-9-_]+$", API), force_new=True, computed_default=True
        ),
        "statementIdPrefix": text(force_new=True),
        **REGION_PROPERTY,
    },
    identity="{statementId}",
    unique_within=("function", "qualifier"),
    name_input="statementId",
    planned=REGION_OUTPUT,
    unique=(
        UniqueHandle(
            "{function_found[arn]}:{qualifier} {statementId}",
            Refusal(
                "ResourceConflictException",
                "The statement id ({statementId}) provided already exists. "
                "Please provide a new statement id, or remove the existing statement.",
                409,
            ),
        ),
    ),
    references=(
        _function_reference("function"),
        _alias_reference("qualifier"),
        _alias_reference("function", rf"{_FUNCTION_PREFIX}:({_ALIAS_NAME})$"),
        _version_reference("qualifier", on_delete=OnDelete.CASCADE),
        _version_reference("function", rf"{_FUNCTION_PREFIX}:(\d+)$", OnDelete.CASCADE),
    ),
    conditions=(Choice(0, 1, ("statementId", "statementIdPrefix"), DOC),),
    guards=PERMISSION_GUARDS,
)

_PROVISIONED_CONCURRENCY_RULE: Final = TypeRule(
    properties={
        **for_each(text(required=True, force_new=True), "functionName", "qualifier"),
        "provisionedConcurrentExecutions": integer(Range(1, None, DOC), required=True),
        "skipDestroy": flag(default=False),
        **REGION_PROPERTY,
    },
    identity="{functionName},{qualifier}",
    planned=REGION_OUTPUT,
    references=(
        _function_reference("functionName"),
        _alias_reference("qualifier"),
        _version_reference("qualifier", on_delete=OnDelete.CASCADE),
    ),
    guards=PROVISIONED_CONCURRENCY_GUARDS,
    retain_input="skipDestroy",
    latency_seconds=60,
)

COMPUTE_TYPES: Final = {
    FUNCTION_TYPE: _FUNCTION_RULE,
    ALIAS_TYPE: _ALIAS_RULE,
    PERMISSION_TYPE: _PERMISSION_RULE,
    PROVISIONED_CONCURRENCY_TYPE: _PROVISIONED_CONCURRENCY_RULE,
}

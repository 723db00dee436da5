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
from semantest_iac.infrastructure.simulated_cloud.aws.networking import SECURITY_GROUP_TYPE, SUBNET_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.aws.security import ROLE_TYPE
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    OBSERVED,
    Length,
    NameOrArnLength,
    OneOf,
    Pattern,
    Range,
    ValueKind,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    COMPUTED,
    change_kind,
    correct,
    refine,
    refine_elements,
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

_CODE_INPUTS: Final = ("code", "sourceCodeHash", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri", "architectures")
_CONFIGURATION_INPUTS: Final = (
    *("role", "handler", "runtime", "memorySize", "timeout", "description", "environment", "layers", "kmsKeyArn"),
    *("deadLetterConfig", "ephemeralStorage", "fileSystemConfig", "imageConfig", "loggingConfig", "snapStart"),
    *("tracingConfig", "vpcConfig", "capacityProviderConfig", "durableConfig", "publish"),
)
_LOGGING_DEFAULTS: Final = ("applicationLogLevel", "logGroup", "systemLogLevel")
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


_FUNCTION_RULE: Final = AwsType(FUNCTION_TYPE, _function_name).rule(
    {
        "environment": refine(sensitive=True),
        **dict.fromkeys((f"loggingConfig.{name}" for name in _LOGGING_DEFAULTS), COMPUTED),
        "name": refine(NameOrArnLength(1, 64, API), reported_differently=True),
        "publishTo": refine(OneOf(("LATEST_PUBLISHED",), DOC)),
        "reservedConcurrentExecutions": correct(Range(-1, None, DOC), default=-1),  # the provider's word for none
        "snapStart.optimizationStatus": COMPUTED,
        "timeout": correct(Range(1, 900, DOC)),
        "useResourceTimeoutForPropagation": refine(default=False),
        **dict.fromkeys(
            ("vpcConfig.securityGroupIds", "vpcConfig.subnetIds"), change_kind(ValueKind.SET, allow_blank=True)
        ),
        "vpcConfig.vpcId": COMPUTED,
    },
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
        "architectures": lambda _: ["x86_64"],
        "ephemeralStorage": lambda _: {"size": 512},
        "tracingConfig": lambda _: {"mode": "PassThrough"},
        "loggingConfig": _logging_output,
    },
    handles=("{arn}", _function_name, _version_arns),
    exists=Refusal("ResourceConflictException", "Function already exist: {name}", 409),
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


_ALIAS_RULE: Final = AwsType(ALIAS_TYPE, "{arn}", arn="{function_found[arn]}:{name}").rule(
    {"routingConfig.additionalVersionWeights": refine_elements(Range(0, 1, API))},
    computed={"invokeArn": _ALIAS_INVOKE_ARN},
    unique=(
        UniqueHandle(
            "{function_found[arn]}:{name}",
            Refusal("ResourceConflictException", "Alias already exists: {function_found[arn]}:{name}", 409),
        ),
    ),
    references=(_function_reference("functionName"), _version_reference("functionVersion")),
    guards=ALIAS_GUARDS,
)

_PERMISSION_RULE: Final = AwsType(PERMISSION_TYPE, "{statementId}", name_input="statementId").rule(
    {  # CloudFormation writes the qualifier into the function name, and makes the id itself
        "qualifier": refine(
            Length(1, 128, API), Pattern(r"^(\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+)$", OBSERVED), force_new=True
        ),
        "statementId": refine(Length(1, 100, OBSERVED), Pattern(r"^[a-zA-Z0-9-_]+$", API), force_new=True),
    },
    unique_within=("function", "qualifier"),
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
    guards=PERMISSION_GUARDS,
)

_PROVISIONED_CONCURRENCY_RULE: Final = AwsType(PROVISIONED_CONCURRENCY_TYPE, "{functionName},{qualifier}").rule(
    {
        **dict.fromkeys(("functionName", "qualifier"), refine(force_new=True)),
        "provisionedConcurrentExecutions": refine(Range(1, None, DOC)),
    },
    unique=(),
    references=(
        _function_reference("functionName"),
        _alias_reference("qualifier"),
        _version_reference("qualifier", on_delete=OnDelete.CASCADE),
    ),
    guards=PROVISIONED_CONCURRENCY_GUARDS,
    retain_input="skipDestroy",
    latency_seconds=60,
)

COMPUTE_TYPES: Final[dict[str, TypeRule]] = {
    FUNCTION_TYPE: _FUNCTION_RULE,
    ALIAS_TYPE: _ALIAS_RULE,
    PERMISSION_TYPE: _PERMISSION_RULE,
    PROVISIONED_CONCURRENCY_TYPE: _PROVISIONED_CONCURRENCY_RULE,
}

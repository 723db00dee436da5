"""Lambda functions: code, configuration and the versions that are published of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws import runtimes
from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL_AND_TAGGED,
    TAGS,
)
from semantest_iac.infrastructure.simulated_cloud.aws.function_guards import GUARDS
from semantest_iac.infrastructure.simulated_cloud.aws.networking import SECURITY_GROUP, SUBNET
from semantest_iac.infrastructure.simulated_cloud.aws.security import ROLE
from semantest_iac.infrastructure.simulated_cloud.limits import Count, Evidence, Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.properties import (
    alike,
    archive,
    block,
    flag,
    integer,
    list_of,
    map_of,
    number,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Choice,
    OnDelete,
    Reference,
    Renewal,
    Requires,
    TypeRule,
    Unique,
)
from semantest_iac.infrastructure.simulated_cloud.values import Facts

CFN, DOC, API, OBSERVED = Evidence.CFN, Evidence.DOC, Evidence.API, Evidence.OBSERVED

_KMS_KEY: Final = text(Length(0, 10000, CFN), Pattern(r"^(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()$", CFN))
_CODE: Final = ("code", "sourceCodeHash", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri", "architectures")
_CONFIGURATION: Final = (
    *("role", "handler", "runtime", "memorySize", "timeout", "description", "environment", "layers", "kmsKeyArn"),
    *("deadLetterConfig", "ephemeralStorage", "fileSystemConfig", "imageConfig", "loggingConfig", "snapStart"),
    *("tracingConfig", "vpcConfig", "capacityProviderConfig", "durableConfig", "publish"),
)
_INVOKE: Final = "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/"


def _version(facts: Facts) -> str:
    return str(facts["revision"]) if facts["publish"] else "$LATEST"


def _versions(facts: Facts) -> list[str]:
    published = range(1, facts["revision"] + 1) if facts["publish"] else ()
    return [f"{facts['arn']}:{version}" for version in ("$LATEST", *published)]


def _code_hash(facts: Facts) -> str:
    code = facts["code"]
    identity = code.get("hash", "") if isinstance(code, Mapping) else ""
    digest = sha256(str(identity or [facts[name] for name in _CODE]).encode()).digest()
    return facts["sourceCodeHash"] or b64encode(digest).decode()


def _in_network(path: str, type_: str, call: str, code: str, wording: str) -> Reference:
    message = f"Error occurred while {call}. EC2 Error Code: {code}. EC2 Error Message: {wording}"
    refusal = Refusal("InvalidParameterValueException", message)
    return Reference(path, (type_,), refusal, OBSERVED, on_delete=OnDelete.REFUSE)


FUNCTION_RULE: Final = TypeRule(
    properties={
        "role": text(
            Length(0, 10000, CFN),
            Pattern(r"^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$", CFN),
            required=True,
        ),
        "architectures": list_of(text(OneOf(("x86_64", "arm64"), CFN)), Count(1, 1, CFN), settled=True),
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
        "deadLetterConfig": block({"targetArn": text(*_KMS_KEY.limits, required=True)}),
        "description": text(Length(0, 256, CFN)),
        "durableConfig": block(
            {
                "executionTimeout": integer(Range(1, 31622400, CFN), required=True),
                "retentionPeriod": integer(Range(1, 90, CFN)),
            }
        ),
        "environment": block(
            {"variables": map_of(text())},
            sealed=True,
        ),
        "ephemeralStorage": block({"size": integer(Range(512, 32768, CFN))}, settled=True),
        "fileSystemConfig": block(
            {
                "arn": text(Length(None, 200, CFN), required=True),
                "localMountPath": text(Length(0, 160, CFN), Pattern(r"^/mnt/[a-zA-Z0-9-_.]+$", CFN), required=True),
            }
        ),
        "handler": text(Length(0, 128, CFN), Pattern(r"^[^\s]+$", CFN)),
        "imageConfig": block(
            {
                **alike(list_of(text(), Count(0, 1500, CFN)), "commands", "entryPoints"),
                "workingDirectory": text(Length(0, 1000, CFN)),
            }
        ),
        "imageUri": text(),
        "kmsKeyArn": _KMS_KEY,
        "layers": list_of(text(Length(1, None, CFN)), Count(None, 5, CFN)),
        "loggingConfig": block(
            {
                "logFormat": text(OneOf(("Text", "JSON"), CFN), required=True),
                "applicationLogLevel": text(OneOf(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"), CFN)),
                "logGroup": text(Length(1, 512, CFN), Pattern(r"[\.\-_/#A-Za-z0-9]+", CFN), settled=True),
                "systemLogLevel": text(OneOf(("DEBUG", "INFO", "WARN"), CFN)),
            },
            settled=True,
        ),
        "memorySize": integer(Range(128, 32768, CFN), default=128),
        "name": text(
            Length(1, 64, API),
            Pattern(
                r"^([a-zA-Z0-9_-]{1,64}|"
                r"arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:function:[a-zA-Z0-9_-]{1,64})$",
                CFN,
            ),
            replaces=True,
            settled=True,
        ),
        "packageType": text(OneOf(("Image", "Zip"), CFN), replaces=True, default="Zip"),
        "publish": flag(default=False),
        "publishTo": text(OneOf(("LATEST_PUBLISHED",), DOC)),
        "reservedConcurrentExecutions": integer(Range(-1, None, DOC), default=-1),
        "replacementSecurityGroupIds": set_of(text()),
        "runtime": text(OneOf(runtimes.NAMES, CFN)),
        "s3Bucket": text(Length(3, 63, CFN), Pattern(r"^[0-9A-Za-z\.\-_]*(?<!\.)$", CFN)),
        **alike(text(Length(1, 1024, CFN)), "s3Key", "s3ObjectVersion"),
        "snapStart": block(
            {
                "applyOn": text(OneOf(("PublishedVersions", "None"), CFN), required=True),
                "optimizationStatus": text(settled=True),
            }
        ),
        **alike(text(settled=True), "sourceCodeHash", "codeSha256"),
        "sourceKmsKeyArn": _KMS_KEY,
        "tenancyConfig": block(
            {"tenantIsolationMode": text(OneOf(("PER_TENANT",), CFN), required=True)}, replaces=True
        ),
        "timeout": integer(Range(1, 900, DOC), default=3),
        "tracingConfig": block({"mode": text(OneOf(("Active", "PassThrough"), CFN), required=True)}, settled=True),
        **alike(
            flag(default=False),
            *("replaceSecurityGroupsOnDestroy", "skipDestroy", "useResourceTimeoutForPropagation"),
        ),
        "vpcConfig": block(
            {
                "securityGroupIds": set_of(
                    text(Length(0, 1024, CFN), Pattern(r"^sg-[0-9a-zA-Z]*$", CFN)),
                    Count(0, 5, CFN),
                    required=True,
                ),
                "subnetIds": set_of(
                    text(Length(0, 1024, CFN), Pattern(r"^subnet-[0-9a-z]*$", CFN)),
                    Count(0, 16, CFN),
                    required=True,
                ),
                "ipv6AllowedForDualStack": flag(),
                "vpcId": text(settled=True),
            }
        ),
        **REGION,
        **TAGS,
    },
    identity="{name}",
    name="name",
    planned=REGIONAL_AND_TAGGED,
    computed={
        "arn": "arn:aws:lambda:{region}:{account}:function:{name}",
        "version": _version,
        "qualifiedArn": "{arn}:{version}",
        "invokeArn": _INVOKE + "{arn}/invocations",
        "qualifiedInvokeArn": _INVOKE + "{qualifiedArn}/invocations",
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
        "loggingConfig": lambda facts: {"logFormat": "Text", "logGroup": f"/aws/lambda/{facts['name']}"},
    },
    handles=("{arn}", _versions),
    unique=(Unique("{name}", Refusal("ResourceConflictException", "Function already exist: {name}", 409)),),
    references=(
        Reference(
            "role",
            (ROLE,),
            Refusal(
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
            ),
            OBSERVED,
            named="role_found",
        ),
        _in_network(
            "vpcConfig.subnetIds.*",
            SUBNET,
            "DescribeSubnets",
            "InvalidSubnetID.NotFound",
            "The subnet ID '{value}' does not exist",
        ),
        _in_network(
            "vpcConfig.securityGroupIds.*",
            SECURITY_GROUP,
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
    guards=GUARDS,
    renewals=(
        Renewal(("version", "qualifiedArn", "qualifiedInvokeArn"), (*_CODE, *_CONFIGURATION), only_if="publish"),
        Renewal(("lastModified",), (*_CODE, *_CONFIGURATION)),
        Renewal(("sourceCodeHash", "codeSha256", "sourceCodeSize"), _CODE),
    ),
    kept_by="skipDestroy",
    latency=8,
)

"""Lambda functions, aliases, permissions and provisioned concurrency."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL,
)
from semantest_iac.infrastructure.simulated_cloud.aws.function_guards import FUNCTION
from semantest_iac.infrastructure.simulated_cloud.aws.functions import FUNCTION_RULE
from semantest_iac.infrastructure.simulated_cloud.limits import Evidence, Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.properties import (
    alike,
    block,
    flag,
    integer,
    map_of,
    number,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Choice,
    Guard,
    OnDelete,
    Reference,
    TypeRule,
    Unique,
)

ALIAS: Final = "aws:lambda/alias:Alias"
PERMISSION: Final = "aws:lambda/permission:Permission"
PROVISIONED_CONCURRENCY: Final = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"

CFN, DOC, API, OBSERVED = Evidence.CFN, Evidence.DOC, Evidence.API, Evidence.OBSERVED
_INVOKE: Final = "arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
_NO_FUNCTION: Final = "ResourceNotFoundException"


def _the_function(path: str) -> Reference:
    return Reference(
        path,
        (FUNCTION,),
        Refusal(_NO_FUNCTION, "Function not found: arn:aws:lambda:{region}:{account}:function:{value}", 404),
        API,
        named="function_found",
        pattern=r"(?:^|:function:)([a-zA-Z0-9-_]+)(?::[$a-zA-Z0-9-_]+)?$",
        on_delete=OnDelete.CASCADE,
    )


def _part_of_function(path: str, types: tuple[str, ...], on_delete: OnDelete = OnDelete.ALLOW) -> Reference:
    return Reference(
        path,
        types,
        Refusal(_NO_FUNCTION, "Function not found: {function_found[arn]}:{value}", 404),
        API,
        handle="{function_found[arn]}:{value}",
        on_delete=on_delete,
    )


_ALIAS: Final = TypeRule(
    properties={
        "functionName": text(required=True, replaces=True),
        "functionVersion": text(
            Length(0, 1024, CFN), Pattern(r"^(\$LATEST(\.PUBLISHED)?|[0-9]*)$", CFN), required=True
        ),
        "description": text(Length(0, 256, CFN)),
        "name": text(Length(1, 128, CFN), Pattern(r"^(?!^[0-9]+$)([a-zA-Z0-9-_]+)$", CFN), replaces=True, settled=True),
        "routingConfig": block({"additionalVersionWeights": map_of(number(Range(0, 1, API)))}),
        **REGION,
    },
    identity="{arn}",
    name="name",
    planned=REGIONAL,
    computed={"arn": "{function_found[arn]}:{name}", "invokeArn": _INVOKE},
    unique=(
        Unique(
            "{function_found[arn]}:{name}",
            Refusal("ResourceConflictException", "Alias already exists: {function_found[arn]}:{name}", 409),
        ),
    ),
    references=(_the_function("functionName"), _part_of_function("functionVersion", (FUNCTION,))),
)

_PERMISSION: Final = TypeRule(
    properties={
        "action": text(
            Length(1, 256, CFN),
            Pattern(r"^(lambda:[*]|lambda:[a-zA-Z]+|[*])$", CFN),
            required=True,
            replaces=True,
        ),
        "function": text(Length(1, 140, CFN), required=True, replaces=True),
        "principal": text(Length(1, 256, CFN), Pattern(r"^.*$", CFN), required=True, replaces=True),
        "eventSourceToken": text(Length(1, 256, CFN), Pattern(r"^[a-zA-Z0-9._\-]+$", CFN), replaces=True),
        "functionUrlAuthType": text(OneOf(("AWS_IAM", "NONE"), CFN), replaces=True),
        "invokedViaFunctionUrl": flag(replaces=True),
        "principalOrgId": text(Length(12, 34, CFN), Pattern(r"^o-[a-z0-9]{10,32}$", CFN), replaces=True),
        "qualifier": text(Length(1, 128, API), replaces=True),
        "sourceAccount": text(Length(12, 12, CFN), Pattern(r"^\d{12}$", CFN), replaces=True),
        "sourceArn": text(Length(12, 1024, CFN), replaces=True),
        "statementId": text(Length(1, 100, OBSERVED), Pattern(r"^[a-zA-Z0-9-_]+$", API), replaces=True, settled=True),
        "statementIdPrefix": text(replaces=True),
        **REGION,
    },
    identity="{statementId}",
    within=("function", "qualifier"),
    name="statementId",
    planned=REGIONAL,
    unique=(
        Unique(
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
        _the_function("function"),
        _part_of_function("qualifier", (ALIAS, FUNCTION), OnDelete.CASCADE),
    ),
    conditions=(Choice(0, 1, ("statementId", "statementIdPrefix"), DOC),),
)

_PROVISIONED: Final = TypeRule(
    properties={
        **alike(text(required=True, replaces=True), "functionName", "qualifier"),
        "provisionedConcurrentExecutions": integer(Range(1, None, DOC), required=True),
        "skipDestroy": flag(default=False),
        **REGION,
    },
    identity="{functionName},{qualifier}",
    planned=REGIONAL,
    references=(
        _the_function("functionName"),
        _part_of_function("qualifier", (ALIAS, FUNCTION), OnDelete.CASCADE),
    ),
    guards=(
        Guard(
            lambda around: around.facts["qualifier"] == "$LATEST",
            Refusal(
                "InvalidParameterValueException",
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
            ),
            OBSERVED,
        ),
    ),
    kept_by="skipDestroy",
    latency=60,
)

TYPES: Final = {
    FUNCTION: FUNCTION_RULE,
    ALIAS: _ALIAS,
    PERMISSION: _PERMISSION,
    PROVISIONED_CONCURRENCY: _PROVISIONED,
}

"""IAM roles with their policies, and Secrets Manager."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL,
    REGIONAL_AND_TAGGED,
    TAGGED,
    TAGS,
)
from semantest_iac.infrastructure.simulated_cloud.clock import DAY
from semantest_iac.infrastructure.simulated_cloud.limits import Count, Evidence, Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.properties import (
    block,
    document,
    flag,
    integer,
    list_of,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Choice, Hold, OnDelete, Reference, TypeRule, Unique
from semantest_iac.infrastructure.simulated_cloud.values import Properties

ROLE: Final = "aws:iam/role:Role"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
SECRET: Final = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type name
SECRET_VERSION: Final = "aws:secretsmanager/secretVersion:SecretVersion"  # noqa: S105 - a type name

CFN, API, DOC, GENERAL = Evidence.CFN, Evidence.API, Evidence.DOC, Evidence.GENERAL
_NAME: Final = r"^[\w+=,.@-]+$"
_POLICY: Final = (Length(1, 131072, CFN), Pattern(r"^[\u0009\u000A\u000D\u0020-\u00FF]+$", CFN))
_MANAGED: Final = r"arn:(aws[a-zA-Z-]*)?:iam::(\d{12}|aws):policy/[a-zA-Z_0-9+=,.@\-_/]+"


def _recovery_seconds(secret: Properties) -> float:
    return float(secret["recoveryWindowInDays"]) * DAY


_OF_ROLE: Final = Reference(
    "role",
    (ROLE,),
    Refusal("NoSuchEntity", "The role with name {value} cannot be found.", 404),
    API,
    on_delete=OnDelete.REFUSE,
)

TYPES: Final = {
    ROLE: TypeRule(
        properties={
            "assumeRolePolicy": document(*_POLICY, required=True),
            "description": text(
                Length(0, 1000, CFN), Pattern(r"^[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*$", CFN)
            ),
            "forceDetachPolicies": flag(default=False),
            "inlinePolicies": set_of(block({"name": text(), "policy": document()}), settled=True),
            "managedPolicyArns": set_of(
                text(Pattern(_MANAGED, CFN)),
                Count(0, None, CFN),
                settled=True,
            ),
            "maxSessionDuration": integer(Range(3600, 43200, CFN), default=3600),
            "name": text(Length(1, 64, CFN), Pattern(_NAME, CFN), replaces=True, settled=True),
            "namePrefix": text(Length(1, 38, DOC), replaces=True),
            "path": text(
                Length(1, 512, CFN),
                Pattern(r"^(\u002F)|(\u002F[\u0021-\u007E]+\u002F)$", CFN),
                replaces=True,
                default="/",
            ),
            "permissionsBoundary": text(Length(20, 2048, CFN)),
            **TAGS,
        },
        account_wide=True,
        identity="{name}",
        name="name",
        planned=TAGGED,
        computed={
            "arn": "arn:aws:iam::{account}:role{path}{name}",
            "uniqueId": "AROA{large17}",
            "createDate": "{now}",
            "managedPolicyArns": lambda _: [],
            "inlinePolicies": lambda _: [],
        },
        handles=("{arn}",),
        unique=(Unique("{name}", Refusal("EntityAlreadyExists", "Role with name {name} already exists.", 409)),),
        conditions=(Choice(0, 1, ("name", "namePrefix"), DOC),),
        in_use=Refusal("DeleteConflict", "Cannot delete entity, must delete policies first.", 409),
        latency=5,
    ),
    ROLE_POLICY: TypeRule(
        properties={
            "policy": document(*_POLICY, required=True),
            "role": text(Length(1, 64, CFN), Pattern(_NAME, CFN), required=True, replaces=True),
            "name": text(Length(1, 128, CFN), Pattern(_NAME, CFN), replaces=True, settled=True),
            "namePrefix": text(replaces=True),
        },
        account_wide=True,
        identity="{role}:{name}",
        name="name",
        unique=(Unique("{role}:{name}", Refusal("EntityAlreadyExists", "The policy {name} already exists.", 409)),),
        references=(_OF_ROLE,),
        conditions=(Choice(0, 1, ("name", "namePrefix"), DOC),),
        overwrites=True,
    ),
    ATTACHMENT: TypeRule(
        properties={
            "policyArn": text(Length(20, 2048, API), Pattern(_MANAGED, API), required=True, replaces=True),
            "role": text(Length(1, 64, API), Pattern(_NAME, API), required=True, replaces=True),
        },
        account_wide=True,
        identity="{role}/{policyArn}",
        unique=(Unique("{role}/{policyArn}", Refusal("EntityAlreadyExists", "The policy is attached already.", 409)),),
        references=(_OF_ROLE,),
        overwrites=True,
    ),
    SECRET: TypeRule(
        properties={
            "description": text(Length(0, 2048, CFN)),
            "forceOverwriteReplicaSecret": flag(default=False),
            "kmsKeyId": text(Length(0, 2048, CFN)),
            "name": text(
                Length(0, 512, CFN),
                Pattern(r"^[A-Za-z0-9/_+=.@-]{1,512}$", API),
                Pattern(r"^(?!.*-[A-Za-z0-9]{6}$)", GENERAL),
                replaces=True,
                settled=True,
            ),
            "namePrefix": text(replaces=True),
            "policy": document(settled=True),
            "recoveryWindowInDays": integer(OneOf((0, *range(7, 31)), DOC), default=30),
            "replicas": set_of(
                block(
                    {
                        "region": text(required=True),
                        "kmsKeyId": text(settled=True),
                        "lastAccessedDate": text(settled=True),
                        "status": text(settled=True),
                        "statusMessage": text(settled=True),
                    }
                ),
                settled=True,
            ),
            "type": text(Length(0, 256, CFN), replaces=True),
            **REGION,
            **TAGS,
        },
        identity="{arn}",
        name="name",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "arn": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-{mixed6}",
            "policy": "",
            "replicas": lambda _: [],
        },
        handles=("{arn}",),
        unique=(
            Unique(
                "{name}",
                Refusal(
                    "ResourceExistsException",
                    "The operation failed because the secret {name} already exists.",
                ),
            ),
        ),
        conditions=(Choice(0, 1, ("name", "namePrefix"), DOC),),
        held=Hold(
            _recovery_seconds,
            Refusal(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ),
        ),
    ),
    SECRET_VERSION: TypeRule(
        properties={
            "secretId": text(required=True, replaces=True),
            "secretBinary": text(replaces=True, sealed=True),
            "secretString": text(Length(1, 65536, API), replaces=True, sealed=True),
            "secretStringWo": text(sealed=True),
            "secretStringWoVersion": integer(replaces=True),
            "versionStages": list_of(text(), settled=True),
            **REGION,
        },
        identity="{arn}|{versionId}",
        planned=REGIONAL,
        computed={
            "arn": "{secret[arn]}",
            "secretArn": "{secret[arn]}",
            "versionId": "{uuid}",
            "hasSecretStringWo": lambda facts: bool(facts["secretStringWo"]),
            "versionStages": lambda _: ["AWSCURRENT"],
        },
        references=(
            Reference(
                "secretId",
                (SECRET,),
                Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
                API,
                named="secret",
                on_delete=OnDelete.CASCADE,
            ),
        ),
        conditions=(Choice(1, 1, ("secretString", "secretBinary", "secretStringWo"), DOC),),
    ),
}

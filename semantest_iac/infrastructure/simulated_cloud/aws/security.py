"""IAM roles and what their policies allow, and Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import SECONDS_PER_DAY
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    GENERAL,
    OBSERVED,
    Length,
    OneOf,
    Pattern,
    ValueKind,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    COMPUTED,
    JSON_TEXT,
    REPLACES,
    UNORDERED,
    change_kind,
    correct,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    Choice,
    GuardContext,
    NameReservation,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import ResourceProperties

ROLE_TYPE: Final = "aws:iam/role:Role"
ROLE_POLICY_TYPE: Final = "aws:iam/rolePolicy:RolePolicy"
ROLE_POLICY_ATTACHMENT_TYPE: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
SECRET_TYPE: Final = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type name
SECRET_VERSION_TYPE: Final = "aws:secretsmanager/secretVersion:SecretVersion"  # noqa: S105 - a type name

_NAME_PATTERN: Final = r"^[\w+=,.@-]+$"
_MANAGED_POLICY_PATTERN: Final = r"arn:(aws[a-zA-Z-]*)?:iam::(\d{12}|aws):policy/[a-zA-Z_0-9+=,.@\-_/]+"


_MANAGED_POLICY_PREFIX: Final = "arn:aws:iam::aws:policy/"
_NO_SUCH_POLICY: Final = Refusal("NoSuchEntity", "Policy {missing_policy} does not exist or is not attachable.", 404)


@cache
def managed_policy_arn_suffixes() -> frozenset[str]:
    """Return the ARNs of AWS's own policies without their common prefix.

    Source: the list that moto 5.2.5 took from AWS in 2026.
    """
    return frozenset(Path(__file__).with_name("managed_policies.txt").read_text(encoding="ascii").split())


def _is_missing_policy(arn: str) -> bool:
    """Return True for a policy that no role can have: AWS has no such one, and no type makes those of accounts."""
    return not arn.startswith(_MANAGED_POLICY_PREFIX) or arn.removeprefix(_MANAGED_POLICY_PREFIX) not in (
        managed_policy_arn_suffixes()
    )


def _attaches_missing_policy(context: GuardContext) -> bool:
    facts = context.facts
    missing = [
        arn for arn in (facts["policyArn"], *(facts["managedPolicyArns"] or ())) if arn and _is_missing_policy(arn)
    ]
    facts["missing_policy"] = next(iter(missing), "")
    return bool(missing)


def _has_missing_boundary(context: GuardContext) -> bool:
    boundary = context.facts["permissionsBoundary"]
    return bool(boundary) and _is_missing_policy(boundary)


def _recovery_seconds(secret: ResourceProperties) -> float:
    return float(secret["recoveryWindowInDays"]) * SECONDS_PER_DAY


_ROLE_REFERENCE: Final = ResourceReference(
    "role",
    (ROLE_TYPE,),
    Refusal("NoSuchEntity", "The role with name {value} cannot be found.", 404),
    API,
    on_delete=OnDelete.REFUSE,
)

_REPLICA_OUTPUTS: Final = ("kmsKeyId", "lastAccessedDate", "status", "statusMessage")

SECURITY_TYPES: Final[dict[str, TypeRule]] = {
    ROLE_TYPE: AwsType(ROLE_TYPE, arn="arn:aws:iam::{account}:role{path}{name}").rule(
        {
            "inlinePolicies": UNORDERED,
            "inlinePolicies.policy": JSON_TEXT,
            "maxSessionDuration": refine(default=3600),
            "namePrefix": refine(Length(1, 38, DOC)),
            "path": refine(default="/"),
        },
        computed={"uniqueId": "AROA{large17}"},
        exists=Refusal("EntityAlreadyExists", "Role with name {name} already exists.", 409),
        guards=(
            RequestGuard(_attaches_missing_policy, _NO_SUCH_POLICY, OBSERVED),
            RequestGuard(
                _has_missing_boundary,
                Refusal("NoSuchEntity", "Scope ARN: {permissionsBoundary} does not exist or is not attachable.", 404),
                API,
            ),
        ),
        in_use_refusal=Refusal("DeleteConflict", "Cannot delete entity, must delete policies first.", 409),
        latency_seconds=5,
    ),
    ROLE_POLICY_TYPE: AwsType(ROLE_POLICY_TYPE, "{role}:{name}").rule(
        unique=(
            UniqueHandle("{role}:{name}", Refusal("EntityAlreadyExists", "The policy {name} already exists.", 409)),
        ),
        references=(_ROLE_REFERENCE,),
        create_overwrites=True,
    ),
    ROLE_POLICY_ATTACHMENT_TYPE: AwsType(ROLE_POLICY_ATTACHMENT_TYPE, "{role}/{policyArn}").rule(
        {
            "policyArn": refine(Length(20, 2048, API), Pattern(_MANAGED_POLICY_PATTERN, API), force_new=True),
            "role": refine(Length(1, 64, API), Pattern(_NAME_PATTERN, API), force_new=True),
        },
        exists=Refusal("EntityAlreadyExists", "The policy is attached already.", 409),
        references=(_ROLE_REFERENCE,),
        guards=(RequestGuard(_attaches_missing_policy, _NO_SUCH_POLICY, OBSERVED),),
        create_overwrites=True,
    ),
    SECRET_TYPE: AwsType(SECRET_TYPE, arn="arn:aws:secretsmanager:{region}:{account}:secret:{name}-{mixed6}").rule(
        {
            "forceOverwriteReplicaSecret": refine(default=False),
            "name": refine(Pattern(r"^[A-Za-z0-9/_+=.@-]{1,512}$", API), Pattern(r"^(?!.*-[A-Za-z0-9]{6}$)", GENERAL)),
            "policy": JSON_TEXT,
            "recoveryWindowInDays": correct(OneOf((0, *range(7, 31)), DOC)),
            "replicas": change_kind(ValueKind.SET, computed_default=True),
            **dict.fromkeys((f"replicas.{name}" for name in _REPLICA_OUTPUTS), COMPUTED),
            "type": REPLACES,
        },
        computed={"policy": "", "replicas": lambda _: []},
        exists=Refusal("ResourceExistsException", "The operation failed because the secret {name} already exists."),
        name_reservation=NameReservation(
            _recovery_seconds,
            Refusal(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ),
        ),
    ),
    SECRET_VERSION_TYPE: AwsType(SECRET_VERSION_TYPE, "{arn}|{versionId}", arn="{secret[arn]}").rule(
        {
            **dict.fromkeys(("secretId", "secretBinary", "secretStringWoVersion"), REPLACES),
            "secretString": refine(Length(1, 65536, API), force_new=True),
        },
        computed={
            "secretArn": "{secret[arn]}",
            "versionId": "{uuid}",
            "hasSecretStringWo": lambda facts: bool(facts["secretStringWo"]),
            "versionStages": lambda _: ["AWSCURRENT"],
        },
        references=(
            ResourceReference(
                "secretId",
                (SECRET_TYPE,),
                Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
                API,
                fact_name="secret",
                on_delete=OnDelete.CASCADE,
            ),
        ),
        conditions=(Choice(1, 1, ("secretString", "secretBinary", "secretStringWo"), DOC),),
    ),
}


def role_trusts(role: ResourceProperties, service: str) -> bool:
    """Return True where the trust policy of a role lets a service assume it."""
    return any(
        statement.get("Effect") == "Allow" and service in _trusted_services(statement)
        for statement in _policy_statements(role["assumeRolePolicy"])
    )


def role_allows(
    context: GuardContext, role: ResourceProperties, actions: tuple[str, ...], managed_policy_part: str
) -> bool:
    """Return True where a role allows all actions, by its own policies or a managed policy with that part in its ARN.

    Resources and conditions of statements are ignored, and so is the content of managed policies.
    """
    attached = [
        row["policyArn"] for row in context.resources_of(ROLE_POLICY_ATTACHMENT_TYPE) if row["role"] == role["name"]
    ]
    if any(managed_policy_part in arn for arn in (*attached, *(role["managedPolicyArns"] or ()))):
        return True
    allowed = list(_allowed_actions(context, role))
    return all(any(fnmatchcase(action, pattern) for pattern in allowed) for action in actions)


def _allowed_actions(context: GuardContext, role: ResourceProperties) -> Iterator[str]:
    inline = [policy["policy"] for policy in role["inlinePolicies"] or ()]
    attached = [row["policy"] for row in context.resources_of(ROLE_POLICY_TYPE) if row["role"] == role["name"]]
    for policy in (*inline, *attached):
        for statement in _policy_statements(policy):
            if statement.get("Effect") == "Allow":
                yield from _as_list(statement.get("Action"))


def _trusted_services(statement: Mapping[str, Any]) -> list[Any]:
    principal = statement.get("Principal")
    return _as_list(principal.get("Service")) if isinstance(principal, Mapping) else []


def _policy_statements(policy: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the statements of a policy document, given as text or as data."""
    document = json.loads(policy) if isinstance(policy, str) and policy else policy
    statements = document.get("Statement", []) if isinstance(document, Mapping) else []
    yield from [statements] if isinstance(statements, Mapping) else statements


def _as_list(value: Any) -> list[Any]:
    """IAM accepts a single element in place of a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]

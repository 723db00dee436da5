"""Secrets on AWS: where Secrets Manager keeps them, and which roles may read them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from semantest_iac.domain.blueprints.secret_access import SecretGrant, SecretResources
from semantest_iac.domain.resource import DeployedResource

_SECRET_TYPE: Final = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type name
_SECRET_VERSION_TYPE: Final = "aws:secretsmanager/secretVersion:SecretVersion"  # noqa: S105 - a type name
_SECRET_POLICY_TYPE: Final = "aws:secretsmanager/secretPolicy:SecretPolicy"  # noqa: S105 - a type name
_ROLE_TYPE: Final = "aws:iam/role:Role"
_ROLE_POLICY_TYPE: Final = "aws:iam/rolePolicy:RolePolicy"
_NAME_PREFIX: Final = "secret-"  # how blueprints name the resource of a secret
_READ_ACTION: Final = "secretsmanager:GetSecretValue"


class _AwsSecrets:
    """Policies are read as IAM matches them: `*` and `?` in actions and resources; conditions are not evaluated."""

    def find_addresses(self, resources: Sequence[DeployedResource]) -> Mapping[str, str]:
        return {
            it.name.removeprefix(_NAME_PREFIX): str(it.outputs.get("arn") or "")
            for it in resources
            if it.type == _SECRET_TYPE
        }

    def list_values(self, resources: Sequence[DeployedResource]) -> Sequence[str]:
        values = (it.outputs.get("secretString") for it in resources if it.type == _SECRET_VERSION_TYPE)
        return [value for value in values if isinstance(value, str)]

    def list_grants(self, resources: Sequence[DeployedResource]) -> Sequence[SecretGrant]:
        addresses = self.find_addresses(resources)
        return [
            SecretGrant(name, identity, means)
            for name, arn in sorted(addresses.items())
            for identity, means, statements in _list_policies(resources, arn)
            if _allows_reading(statements, arn)
        ]


AWS_SECRETS: Final[SecretResources] = _AwsSecrets()


def _list_policies(
    resources: Sequence[DeployedResource], secret: str
) -> Iterator[tuple[str, str, Sequence[Mapping[str, Any]]]]:
    """Yield the policies of roles, and those of the secret itself, each with whom it is about."""
    roles = {str(it.outputs.get("name")): it.name for it in resources if it.type == _ROLE_TYPE}
    for it in resources:
        statements = _read_statements(it.outputs.get("policy"))
        if it.type == _ROLE_POLICY_TYPE:
            role = str(it.outputs.get("role"))
            yield roles.get(role, role), f"policy '{it.outputs.get('name')}' of role {role}", statements
        elif it.type == _SECRET_POLICY_TYPE and it.outputs.get("secretArn") == secret:
            for principal in {who for each in statements for who in _principals(each)}:
                own = [each for each in statements if principal in _principals(each)]
                yield principal, "the policy of the secret", own


def _allows_reading(statements: Sequence[Mapping[str, Any]], arn: str) -> bool:
    """Whether a statement allows it and none denies it."""
    effects = {
        each.get("Effect")
        for each in statements
        if _matches(each.get("Action"), _READ_ACTION) and _matches(each.get("Resource"), arn)
    }
    return "Allow" in effects and "Deny" not in effects


def _matches(patterns: Any, text: str) -> bool:
    return any(fnmatchcase(text, str(pattern)) for pattern in _as_list(patterns))


def _principals(statement: Mapping[str, Any]) -> list[str]:
    principal = statement.get("Principal")
    return [str(it) for it in _as_list(principal.get("AWS") if isinstance(principal, Mapping) else principal) if it]


def _read_statements(policy: Any) -> Sequence[Mapping[str, Any]]:
    """Return the statements of a policy document, none for what is no document."""
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError:
        return ()
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    return [it for it in _as_list(statements) if isinstance(it, Mapping)]


def _as_list(value: Any) -> list[Any]:
    """IAM accepts a single element in place of a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]

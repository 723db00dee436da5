"""Who may take on a role and what it allows, read from its policies; resources and conditions are not looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from semantest_iac.infrastructure.simulated_cloud.aws.security import ATTACHMENT, ROLE_POLICY
from semantest_iac.infrastructure.simulated_cloud.rules import Surroundings
from semantest_iac.infrastructure.simulated_cloud.values import Properties


def trusts(role: Properties, service: str) -> bool:
    """Whether a service may take it on."""
    return any(
        statement.get("Effect") == "Allow" and service in _services(statement)
        for statement in _statements(role["assumeRolePolicy"])
    )


def may(around: Surroundings, role: Properties, actions: tuple[str, ...], managed: str) -> bool:
    """Whether it allows all the actions, as a managed policy with such a name does; what others hold is not known."""
    attached = [row["policyArn"] for row in around.rows(ATTACHMENT) if row["role"] == role["name"]]
    if any(managed in arn for arn in (*attached, *(role["managedPolicyArns"] or ()))):
        return True
    allowed = list(_allowed(around, role))
    return all(any(fnmatchcase(action, pattern) for pattern in allowed) for action in actions)


def _allowed(around: Surroundings, role: Properties) -> Iterator[str]:
    inline = [policy["policy"] for policy in role["inlinePolicies"] or ()]
    written = [row["policy"] for row in around.rows(ROLE_POLICY) if row["role"] == role["name"]]
    for policy in (*inline, *written):
        for statement in _statements(policy):
            if statement.get("Effect") == "Allow":
                yield from _listed(statement.get("Action"))


def _services(statement: Mapping[str, Any]) -> list[Any]:
    principal = statement.get("Principal")
    return _listed(principal.get("Service")) if isinstance(principal, Mapping) else []


def _statements(policy: Any) -> Iterator[Mapping[str, Any]]:
    """Those of a policy document, given as text or as data."""
    held = json.loads(policy) if isinstance(policy, str) and policy else policy
    found = held.get("Statement", []) if isinstance(held, Mapping) else []
    yield from [found] if isinstance(found, Mapping) else found


def _listed(value: Any) -> list[Any]:
    """IAM lets a list of one be written as its element."""
    return list(value) if isinstance(value, list | tuple) else [value]

"""Asks the clouds' own command-line tools whether the account of this machine's user allows what deployments do.

Nothing is changed. Sources: Azure's permissions of the caller at a subscription (`Microsoft.Authorization/permissions`)
and its rule that `notActions` take away from the `actions` of the same role only; IAM's SimulatePrincipalPolicy.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from semantest_iac_events.stack_names import DEFAULT_PROJECT

_TIMEOUT_S = 30
AZURE_RESOURCE_PROVIDERS = (
    *("Microsoft.ApiManagement", "Microsoft.App", "Microsoft.Insights", "Microsoft.KeyVault"),
    *("Microsoft.ManagedIdentity", "Microsoft.Network", "Microsoft.OperationalInsights", "Microsoft.SignalRService"),
    *("Microsoft.Storage", "Microsoft.Web"),
)
AZURE_ROLE_RIGHT = "Microsoft.Authorization/roleAssignments/write"
AWS_ROLE_RIGHTS = ("iam:CreateRole", "iam:PassRole", "iam:PutRolePolicy")
_AZURE_NAMES = ("Azure resource providers", "Azure role assignments")
_AZURE_ADVICE = (
    "Only needed for real deployments to Azure. Once per subscription: az provider register --namespace <name> --wait",
    f"Only needed for real deployments to Azure: {AZURE_ROLE_RIGHT}, which Contributor lacks. Assign the role 'Role "
    "Based Access Control Administrator' or 'Owner' to the deploying identity as well.",
)
_AWS_NAME = "AWS roles"
_AWS_ADVICE = (
    f"Only needed for real deployments to AWS: each function gets a role of its own, for which the deploying identity "
    f"needs {', '.join(AWS_ROLE_RIGHTS)} on roles named {{project}}-*."
)
_AWS_ROLE_NAME = "{project}-rest-api-dev-000000"  # as deployments name them, so that rights on `semantest-*` count
_ASSUMED_ROLE = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """The result of one check of an account."""

    name: str
    ok: bool
    found: str
    advice: str = ""


class _NotCheckedError(Exception):
    """The tool could not answer; the text says why."""


def check_azure_account(variables: Mapping[str, str]) -> Iterator[AccountCheck]:
    """Check which resource providers are registered, and whether the caller may assign roles in the subscription."""
    for name, advice, check in zip(
        _AZURE_NAMES, _AZURE_ADVICE, (_check_resource_providers, _check_role_right), strict=True
    ):
        try:
            is_ok, found = check(variables)
        except _NotCheckedError as error:
            is_ok, found = False, f"not checked: {error}"
        yield AccountCheck(name, is_ok, found, advice)


def check_aws_account(variables: Mapping[str, str]) -> Iterator[AccountCheck]:
    """Check whether the caller may create roles and pass them to functions."""
    try:
        is_ok, found = _check_aws_rights(variables)
    except _NotCheckedError as error:
        is_ok, found = False, f"not checked: {error}"
    yield AccountCheck(_AWS_NAME, is_ok, found, _AWS_ADVICE.format(project=_find_project(variables)))


def _find_project(variables: Mapping[str, str]) -> str:
    return variables.get("SEMANTEST_PROJECT") or DEFAULT_PROJECT


def _check_resource_providers(variables: Mapping[str, str]) -> tuple[bool, str]:
    listed = _ask_tool(variables, "az", "provider", "list", "--query", "[].{name:namespace,state:registrationState}")
    registered = {str(each["name"]).lower() for each in listed if each["state"] == "Registered"}
    missing = [name for name in AZURE_RESOURCE_PROVIDERS if name.lower() not in registered]
    return not missing, f"not registered: {', '.join(missing)}" if missing else "all are registered"


def _check_role_right(variables: Mapping[str, str]) -> tuple[bool, str]:
    subscription = _ask_tool(variables, "az", "account", "show")
    where = f"/subscriptions/{subscription['id']}/providers/Microsoft.Authorization/permissions"
    url = f"https://management.azure.com{where}?api-version=2022-04-01"
    roles = _ask_tool(variables, "az", "rest", "--method", "get", "--url", url)["value"]
    is_allowed = any(_role_allows(role, AZURE_ROLE_RIGHT) for role in roles)
    return is_allowed, f"{'allowed' if is_allowed else 'not allowed'} in subscription '{subscription['name']}'"


def _role_allows(role: Mapping[str, Any], action: str) -> bool:
    def matches(patterns: Sequence[str] | None) -> bool:
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns or ())

    return matches(role.get("actions")) and not matches(role.get("notActions"))


def _check_aws_rights(variables: Mapping[str, str]) -> tuple[bool, str]:
    caller = _ask_tool(variables, "aws", "sts", "get-caller-identity")
    arn, account = str(caller["Arn"]), str(caller["Account"])
    if arn.endswith(":root"):
        return True, f"allowed in account {account}, as its root user"
    if assumed := _ASSUMED_ROLE.fullmatch(arn):
        arn = "arn:{partition}:iam::{account}:role/{role}".format_map(assumed.groupdict())
    if ":iam::" not in arn:
        raise _NotCheckedError("the rights of a federated user cannot be asked for")
    name = _AWS_ROLE_NAME.format(project=_find_project(variables))
    role = f"{arn.partition(':iam:')[0]}:iam::{account}:role/{name}"
    context = "ContextKeyName=iam:PassedToService,ContextKeyType=string,ContextKeyValues=lambda.amazonaws.com"
    options = ("--action-names", *AWS_ROLE_RIGHTS, "--resource-arns", role, "--context-entries", context)
    answer = _ask_tool(variables, "aws", "iam", "simulate-principal-policy", "--policy-source-arn", arn, *options)
    denied = [it["EvalActionName"] for it in answer["EvaluationResults"] if it["EvalDecision"] != "allowed"]
    return not denied, f"not allowed: {', '.join(denied)}" if denied else f"allowed in account {account}"


def _ask_tool(variables: Mapping[str, str], program: str, *arguments: str) -> Any:
    """Run a tool and return its JSON; raises _NotCheckedError."""
    path = shutil.which(program, path=variables.get("PATH"))
    if path is None:
        raise _NotCheckedError(f"{program} is not on the PATH")
    command = [path, *arguments, "--output", "json"]
    try:
        answer = subprocess.run(  # noqa: S603  # no shell, and no part of it comes from outside
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env=dict(variables)
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _NotCheckedError(f"{program} does not answer") from error
    if answer.returncode != 0:
        raise _NotCheckedError(_explain_failure(program, answer.stderr))
    try:
        return json.loads(answer.stdout)
    except ValueError as error:
        raise _NotCheckedError(f"{program} gave no JSON") from error


_KNOWN_FAILURES = (
    (r"az login", "nobody is logged in (az login)"),
    (r"Unable to locate credentials|NoCredentials|ExpiredToken|SSO|InvalidClientTokenId", "no valid credentials"),
    (r"perform: (?P<action>[\w:]+)|perform action '(?P<azure_action>[\w./]+)'", "the caller may not use {right}"),
    (r"NoSuchEntity", "the caller's role has a path, with which its rights cannot be asked for"),
)


def _explain_failure(program: str, text: str) -> str:
    for pattern, reason in _KNOWN_FAILURES:
        if match := re.search(pattern, text):
            groups = match.groupdict()
            return reason.format(right=groups.get("action") or groups.get("azure_action"))
    return f"{program} failed: {(text.strip().splitlines() or ['no reason given'])[-1][:200]}"

"""The checks of accounts, over executables that print whole messages of `az` and `aws`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.clouds.account_checks import (
    AWS_ROLE_RIGHTS,
    AZURE_RESOURCE_PROVIDERS,
    AZURE_ROLE_RIGHT,
    AccountCheck,
    check_aws_account,
    check_azure_account,
)

ProgramWriter = Callable[[str, Mapping[str, Any]], Mapping[str, str]]

SUBSCRIPTION = {
    "environmentName": "AzureCloud",
    "homeTenantId": "00000000-0000-0000-0000-0000000000aa",
    "id": "00000000-0000-0000-0000-000000000001",
    "isDefault": True,
    "managedByTenants": [],
    "name": "Semantest",
    "state": "Enabled",
    "tenantId": "00000000-0000-0000-0000-0000000000aa",
    "user": {"name": "ada@example.com", "type": "user"},
}
REGISTERED = [{"name": name, "state": "Registered"} for name in AZURE_RESOURCE_PROVIDERS]
CONTRIBUTOR = {  # source: the definition of Azure's built-in role
    "actions": ["*"],
    "notActions": [
        "Microsoft.Authorization/*/Delete",
        "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action",
        "Microsoft.Blueprint/blueprintAssignments/write",
        "Microsoft.Blueprint/blueprintAssignments/delete",
        "Microsoft.Compute/galleries/share/action",
    ],
    "dataActions": [],
    "notDataActions": [],
}
OWNER = {"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}
RBAC_ADMINISTRATOR = {
    "actions": [
        "Microsoft.Authorization/roleAssignments/write",
        "Microsoft.Authorization/roleAssignments/delete",
        "*/read",
        "Microsoft.Support/*",
    ],
    "notActions": [],
}
READER = {"actions": ["*/read"], "notActions": []}
NOT_LOGGED_IN = "ERROR: Please run 'az login' to setup account."
MAY_NOT_LIST = (
    "ERROR: (AuthorizationFailed) The client 'ada@example.com' with object id '00000000-0000-0000-0000-0000000000bb' "
    "does not have authorization to perform action 'Microsoft.Authorization/permissions/read' over scope "
    "'/subscriptions/00000000-0000-0000-0000-000000000001' or the scope is invalid. If access was recently granted, "
    "please refresh your credentials.\nCode: AuthorizationFailed"
)

USER = {"UserId": "AIDAEXAMPLE", "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ada"}
ASSUMED = USER | {"Arn": "arn:aws:sts::123456789012:assumed-role/deployer/session-1"}
ROOT = USER | {"Arn": "arn:aws:iam::123456789012:root"}
FEDERATED = USER | {"Arn": "arn:aws:sts::123456789012:federated-user/ada"}
NO_CREDENTIALS = 'Unable to locate credentials. You can configure credentials by running "aws configure".'
MAY_NOT_SIMULATE = (
    "An error occurred (AccessDenied) when calling the SimulatePrincipalPolicy operation: User: "
    "arn:aws:iam::123456789012:user/ada is not authorized to perform: iam:SimulatePrincipalPolicy on resource: user "
    "ada because no identity-based policy allows the iam:SimulatePrincipalPolicy action"
)


def decisions(*denied: str) -> dict[str, Any]:
    """What SimulatePrincipalPolicy answers."""
    results: list[dict[str, Any]] = [
        {
            "EvalActionName": action,
            "EvalResourceName": "arn:aws:iam::123456789012:role/semantest-rest-api-dev-000000",
            "EvalDecision": "implicitDeny" if action in denied else "allowed",
            "MatchedStatements": [],
            "MissingContextValues": [],
        }
        for action in AWS_ROLE_RIGHTS
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


@pytest.fixture
def program(tmp_path: Path) -> ProgramWriter:
    """Writes an executable that answers by its first two arguments: text is an error, all else is JSON."""

    def write(name: str, answers: Mapping[str, Any]) -> Mapping[str, str]:
        lines = ["#!/bin/sh", f'echo "$@" >> {tmp_path}/calls', 'case "$1 $2" in']
        for number, (command, answer) in enumerate(answers.items()):
            file = tmp_path / f"{name}-{number}"
            file.write_text(answer if isinstance(answer, str) else json.dumps(answer))
            ending = "1>&2; exit 1" if isinstance(answer, str) else ""
            lines.append(f'"{command}") cat {file} {ending} ;;')
        executable = tmp_path / name
        executable.write_text("\n".join([*lines, "esac", ""]))
        executable.chmod(0o755)
        return {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    return write


def azure(program: ProgramWriter, roles: Any, providers: Any = REGISTERED) -> list[AccountCheck]:
    """Both checks of a subscription with these answers."""
    permissions = {"value": roles, "nextLink": None} if isinstance(roles, list) else roles
    answers = {"provider list": providers, "account show": SUBSCRIPTION, "rest --method": permissions}
    return list(check_azure_account(program("az", answers)))


def aws(program: ProgramWriter, caller: Any, answer: Any = (), **variables: str) -> AccountCheck:
    """The check of an account with these answers."""
    answers = {"sts get-caller-identity": caller, "iam simulate-principal-policy": answer}
    [check] = check_aws_account({**program("aws", answers), **variables})
    return check


class TestAzureAccount:
    @pytest.mark.parametrize(
        ("roles", "is_allowed"),
        [
            ([OWNER], True),
            ([CONTRIBUTOR], False),
            ([READER, CONTRIBUTOR], False),
            ([CONTRIBUTOR, RBAC_ADMINISTRATOR], True),  # notActions take from their own role only
            ([], False),
        ],
        ids=["owner", "contributor", "reader and contributor", "contributor and administrator", "none"],
    )
    def test_finds_whether_roles_may_be_assigned(
        self, program: ProgramWriter, roles: list[Any], is_allowed: bool, tmp_path: Path
    ) -> None:
        check = azure(program, roles)[1]

        assert (check.ok, check.found) == (
            is_allowed,
            f"{'allowed' if is_allowed else 'not allowed'} in subscription 'Semantest'",
        )
        assert AZURE_ROLE_RIGHT in check.advice
        assert f"/subscriptions/{SUBSCRIPTION['id']}/providers/" in (tmp_path / "calls").read_text()

    def test_compares_resource_providers(self, program: ProgramWriter) -> None:
        assert azure(program, [OWNER])[0].found == "all are registered"

        providers = [{"name": REGISTERED[0]["name"].upper(), "state": "Unregistered"}, *REGISTERED[1:]]
        check = azure(program, [OWNER], providers)[0]

        assert (check.ok, check.found) == (False, f"not registered: {AZURE_RESOURCE_PROVIDERS[0]}")
        assert "az provider register" in check.advice

    @pytest.mark.parametrize(
        ("answer", "found"),
        [
            (NOT_LOGGED_IN, "not checked: nobody is logged in (az login)"),
            (MAY_NOT_LIST, "not checked: the caller may not use Microsoft.Authorization/permissions/read"),
        ],
    )
    def test_says_what_it_could_not_check(self, program: ProgramWriter, answer: str, found: str) -> None:
        assert [check.found for check in azure(program, answer, answer)] == [found, found]

    def test_says_that_the_tool_is_missing(self, tmp_path: Path) -> None:
        assert {check.found for check in check_azure_account({"PATH": str(tmp_path)})} == {
            "not checked: az is not on the PATH"
        }


class TestAwsAccount:
    def test_accepts_an_identity_with_the_rights(self, program: ProgramWriter, tmp_path: Path) -> None:
        check = aws(program, USER, decisions())

        assert (check.ok, check.found) == (True, "allowed in account 123456789012")
        asked = (tmp_path / "calls").read_text()
        assert f"--policy-source-arn {USER['Arn']}" in asked
        assert "--resource-arns arn:aws:iam::123456789012:role/semantest-" in asked

    def test_asks_for_roles_of_the_project(self, program: ProgramWriter, tmp_path: Path) -> None:
        check = aws(program, USER, decisions("iam:PassRole"), SEMANTEST_PROJECT="shop")

        assert check.advice.endswith("on roles named shop-*.")
        assert "--resource-arns arn:aws:iam::123456789012:role/shop-" in (tmp_path / "calls").read_text()

    def test_names_the_rights_that_are_missing(self, program: ProgramWriter) -> None:
        check = aws(program, USER, decisions("iam:CreateRole", "iam:PassRole"))

        assert (check.ok, check.found) == (False, "not allowed: iam:CreateRole, iam:PassRole")

    def test_asks_for_the_role_of_a_session(self, program: ProgramWriter, tmp_path: Path) -> None:
        assert aws(program, ASSUMED, decisions()).ok

        assert "--policy-source-arn arn:aws:iam::123456789012:role/deployer" in (tmp_path / "calls").read_text()

    @pytest.mark.parametrize(
        ("caller", "answer", "ok", "found"),
        [
            (ROOT, "", True, "allowed in account 123456789012, as its root user"),
            (FEDERATED, "", False, "not checked: the rights of a federated user cannot be asked for"),
            (NO_CREDENTIALS, "", False, "not checked: no valid credentials"),
            (USER, MAY_NOT_SIMULATE, False, "not checked: the caller may not use iam:SimulatePrincipalPolicy"),
        ],
        ids=["root", "federated", "no credentials", "may not ask"],
    )
    def test_says_what_it_could_not_check(
        self, program: ProgramWriter, caller: Any, answer: str, ok: bool, found: str
    ) -> None:
        check = aws(program, caller, answer)

        assert (check.ok, check.found) == (ok, found)

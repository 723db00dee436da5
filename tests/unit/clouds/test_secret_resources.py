"""Who may read secrets, read from the resources that an engine has deployed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.clouds.aws_secrets import AWS_SECRETS
from semantest_iac.infrastructure.clouds.azure_secrets import AZURE_SECRETS

_ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:{}-AbCdEf"
_TOKEN = _ARN.format("token")
_VAULT = "/subscriptions/1/resourceGroups/one/providers/Microsoft.KeyVault/vaults/kv-one"
_ROLES = "/subscriptions/1/providers/Microsoft.Authorization/roleDefinitions/"
_SECRETS_USER = f"{_ROLES}4633458b-17de-408a-b874-0445c86b69e6"
_READER = f"{_ROLES}acdd72a7-3385-48ef-bd42-f606fba81ae7"


def _statement(action: Any = "secretsmanager:GetSecretValue", on: Any = _TOKEN, **more: Any) -> Any:
    return {"Effect": "Allow", "Action": action, "Resource": on, **more}


def _on_aws(*statements: Any, policy: Any = None) -> list[DeployedResource]:
    document = policy or json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return [
        *(
            DeployedResource("aws:secretsmanager/secret:Secret", f"secret-{name}", {"arn": _ARN.format(name)})
            for name in ("token", "other")
        ),
        DeployedResource("aws:iam/role:Role", "identity", {"name": "role-one"}),
        DeployedResource(
            "aws:iam/rolePolicy:RolePolicy", "identity", {"name": "function", "role": "role-one", "policy": document}
        ),
    ]


class TestSecretsOnAws:
    def test_have_their_arns_as_addresses(self) -> None:
        assert AWS_SECRETS.find_addresses(_on_aws()) == {"token": _ARN.format("token"), "other": _ARN.format("other")}

    @pytest.mark.parametrize(
        ("statements", "readable"),
        [
            ([_statement()], ["token"]),
            ([_statement(["logs:PutLogEvents", "secretsmanager:Get*"])], ["token"]),
            ([_statement("*", "*")], ["other", "token"]),
            ([_statement(on=[_ARN.format("other")])], ["other"]),
            ([_statement("logs:PutLogEvents", "*")], []),
            ([_statement("*", "*"), _statement(on="*", Effect="Deny")], []),
            ([], []),
        ],
    )
    def test_are_readable_by_what_policies_allow(self, statements: list[Any], readable: list[str]) -> None:
        grants = AWS_SECRETS.list_grants(_on_aws(*statements))

        assert [grant.secret for grant in grants] == readable
        assert {(grant.identity, grant.means) for grant in grants} <= {
            ("identity", "policy 'function' of role role-one")
        }

    @pytest.mark.parametrize("policy", ["no json", "[]", '{"Statement": "x"}'])
    def test_are_readable_by_nobody_with_another_document(self, policy: str) -> None:
        assert AWS_SECRETS.list_grants(_on_aws(policy=policy)) == []

    def test_may_have_policies_of_their_own(self) -> None:
        document = json.dumps({"Statement": _statement(on="*", Principal={"AWS": "arn:aws:iam::1:role/foreign"})})
        own = DeployedResource(
            "aws:secretsmanager/secretPolicy:SecretPolicy",
            "own",
            {"secretArn": _ARN.format("token"), "policy": document},
        )

        [grant] = AWS_SECRETS.list_grants([*_on_aws(), own])

        assert (grant.secret, grant.identity) == ("token", "arn:aws:iam::1:role/foreign")


def _on_azure(role: str, scope: str) -> list[DeployedResource]:
    secret = "azure-native:keyvault:Secret"
    assignment = {"principalId": "p-1", "roleDefinitionId": role}
    return [
        *(
            DeployedResource(
                secret,
                f"secret-{name}",
                {},
                {"vaultName": "kv-one", "secretName": f"{name}-1a2b"},
                id=f"{_VAULT}/secrets/{name}-1a2b",
            )
            for name in ("token", "other")
        ),
        DeployedResource("azure-native:managedidentity:UserAssignedIdentity", "identity", {"principalId": "p-1"}),
        DeployedResource("azure-native:authorization:RoleAssignment", "secrets", assignment, {"scope": scope}),
    ]


class TestValues:
    def test_are_found_where_the_state_holds_them(self) -> None:
        version = "aws:secretsmanager/secretVersion:SecretVersion"
        on_aws = [DeployedResource(version, "a", {"secretString": "x"}), DeployedResource(version, "b", {})]
        secret = "azure-native:keyvault:Secret"
        on_azure = [
            DeployedResource(secret, "a", {}, {"properties": {"value": "y"}}),
            DeployedResource(secret, "b", {}, {"properties": {"value": {"ciphertext": "z"}}}),
        ]

        assert AWS_SECRETS.list_values([*on_aws, *on_azure]) == ["x"]
        assert AZURE_SECRETS.list_values([*on_aws, *on_azure]) == ["y"]


class TestSecretsOnAzure:
    def test_have_their_urls_as_addresses(self) -> None:
        addresses = AZURE_SECRETS.find_addresses(_on_azure(_SECRETS_USER, _VAULT))

        assert addresses["token"] == "https://kv-one.vault.azure.net/secrets/token-1a2b"

    @pytest.mark.parametrize(
        ("role", "scope", "readable"),
        [
            (_SECRETS_USER, _VAULT, ["other", "token"]),
            (_SECRETS_USER, _VAULT.upper(), ["other", "token"]),
            (_SECRETS_USER, "/subscriptions/1/resourceGroups/one", ["other", "token"]),
            (_SECRETS_USER, f"{_VAULT}/secrets/token-1a2b", ["token"]),
            (_SECRETS_USER, f"{_VAULT}2", []),
            (_READER, _VAULT, []),
        ],
    )
    def test_are_readable_within_the_scope_of_a_role(self, role: str, scope: str, readable: list[str]) -> None:
        grants = AZURE_SECRETS.list_grants(_on_azure(role, scope))

        assert [grant.secret for grant in grants] == readable
        assert {grant.identity for grant in grants} <= {"identity"}

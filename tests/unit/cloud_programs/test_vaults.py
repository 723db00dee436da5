"""Vaults, identities and rights on both clouds: what is registered for them, and nothing more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.monitoring.logs_and_alarms import LogSource, LogStore
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.access import AppSecret, FunctionIdentity
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, Workload, WorkloadIdentity
from semantest_iac.infrastructure.cloud_programs.aws.security import RIGHT_ACTIONS
from tests.unit.cloud_programs.recorder import Registration, example_arn, inputs_named, of_type, record_program

_VAULT = SecretVault(name="vault", recovery_days=90, purge_protection=True, private=True)
_SECRET = AppSecret(name="secret-token", key="token", recovery_days=7, vault=Ref("vault"))
_IDENTITY = WorkloadIdentity(name="api", workload=Workload.CONTAINER)
_LOGS = LogStore(name="logs", source=LogSource.FUNCTION, retention_days=30)
_FUNCTION = FunctionIdentity(name="function", log_store=Ref("logs"), secrets=(Ref("secret-token"),))
_KEY = example_arn("aws:kms/key:Key", "vault")
_ROLE, _POLICY, _ASSIGNMENT = (
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "azure-native:authorization:RoleAssignment",
)


def _record(provider: str, *resources: Resource) -> list[Registration]:
    region = {"aws": "us-east-1", "azure": "westus2"}[provider]
    return record_program(Blueprint(Stack("platform", provider, "production", region), 1, resources, {}))


def _statements(name: str, registrations: list[Registration]) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(inputs_named(_POLICY, name, registrations)["policy"])["Statement"]
    return statements


def _right(right: AccessRight, target: str) -> RoleAssignment:
    return RoleAssignment(name="right", identity=Ref("api"), target=Ref(target), right=right)


class TestKeys:
    def test_are_rotated_and_can_be_recovered_for_thirty_days_at_most(self) -> None:
        key = inputs_named("aws:kms/key:Key", "vault", _record("aws", _VAULT))

        assert (key["enableKeyRotation"], key["deletionWindowInDays"]) == (True, 30)

    def test_encrypt_the_secrets_of_the_vault_whose_names_are_below_it(self) -> None:
        registrations = _record("aws", _VAULT, _SECRET)
        secret = inputs_named("aws:secretsmanager/secret:Secret", "secret-token", registrations)
        alias = inputs_named("aws:kms/alias:Alias", "vault", registrations)["name"]

        assert secret["kmsKeyId"] == _KEY
        assert alias.startswith("alias/semantest-platform-prod-vault-")
        assert secret["name"] == f"{alias.removeprefix('alias/')}/token"

    def test_may_be_used_by_functions_that_read_a_secret(self) -> None:
        allowed = {it["Action"][0]: it["Resource"] for it in _statements("function", _record("aws", *_whole()))}

        assert allowed["kms:Decrypt"] == [_KEY]
        assert allowed["secretsmanager:GetSecretValue"] == [
            example_arn("aws:secretsmanager/secret:Secret", "secret-token")
        ]


def _whole() -> tuple[Resource, ...]:
    return (_VAULT, _SECRET, _LOGS, _FUNCTION)


class TestKeyVaults:
    def test_have_roles_protection_and_no_way_in_from_outside(self) -> None:
        vault = inputs_named("azure-native:keyvault:Vault", "vault", _record("azure", _VAULT))["properties"]

        assert vault["enableRbacAuthorization"] is True
        assert (vault["enablePurgeProtection"], vault["softDeleteRetentionInDays"]) == (True, 90)
        assert (vault["publicNetworkAccess"], vault["networkAcls"]["defaultAction"]) == ("Disabled", "Deny")

    def test_leave_protection_out_because_false_is_refused(self) -> None:
        plain = SecretVault(name="vault", recovery_days=3)
        vault = inputs_named("azure-native:keyvault:Vault", "vault", _record("azure", plain))["properties"]

        assert vault["softDeleteRetentionInDays"] == 7
        assert vault["enablePurgeProtection"] is None
        assert not {"publicNetworkAccess", "networkAcls"} & vault.keys()

    def test_are_not_made_besides_for_secrets_that_have_one(self) -> None:
        vaults = of_type("azure-native:keyvault:Vault", _record("azure", *_whole()))

        assert [it.name for it in vaults] == ["vault"]

    def test_are_read_by_functions_with_a_role_on_their_own_secrets(self) -> None:
        assignments = {it.name: it.inputs["scope"] for it in of_type(_ASSIGNMENT, _record("azure", *_whole()))}

        assert "id of vault" not in assignments.values()
        assert any(scope.startswith("id of secret-") for scope in assignments.values())


class TestIdentities:
    @pytest.mark.parametrize(
        ("workload", "service"),
        [
            (Workload.FUNCTION, "lambda.amazonaws.com"),
            (Workload.CONTAINER, "ecs-tasks.amazonaws.com"),
            (Workload.PIPELINE, "states.amazonaws.com"),
        ],
    )
    def test_are_roles_of_one_service_without_a_policy(self, workload: Workload, service: str) -> None:
        registrations = _record("aws", WorkloadIdentity(name="api", workload=workload))
        [trust] = json.loads(inputs_named(_ROLE, "api", registrations)["assumeRolePolicy"])["Statement"]

        assert trust["Principal"] == {"Service": service}
        assert of_type(_POLICY, registrations) == []


class TestRights:
    def test_to_read_a_vault_are_those_of_its_secrets_and_its_key(self) -> None:
        registrations = _record("aws", _VAULT, _IDENTITY, _right(AccessRight.READ_SECRETS, "vault"))
        prefix = inputs_named("aws:kms/alias:Alias", "vault", registrations)["name"].removeprefix("alias/")

        assert {it["Action"][0]: it["Resource"] for it in _statements("right", registrations)} == {
            "secretsmanager:GetSecretValue": [f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{prefix}/*"],
            "kms:Decrypt": [_KEY],
        }

    def test_to_read_one_secret_are_those_of_nothing_else(self) -> None:
        registrations = _record("aws", _VAULT, _SECRET, _IDENTITY, _right(AccessRight.READ_SECRETS, "secret-token"))

        assert {it["Action"][0]: it["Resource"] for it in _statements("right", registrations)} == {
            "secretsmanager:GetSecretValue": [example_arn("aws:secretsmanager/secret:Secret", "secret-token")],
            "kms:Decrypt": [_KEY],
        }

    def test_are_roles_of_a_principal_whose_type_is_named_under_the_same_guid_every_time(self) -> None:
        resources = (_VAULT, _IDENTITY, _right(AccessRight.READ_SECRETS, "vault"))
        [first], [second] = (of_type(_ASSIGNMENT, _record("azure", *resources)) for _ in range(2))

        assert first.inputs["principalType"] == "ServicePrincipal"
        assert first.inputs["scope"] == "id of vault"
        assert first.inputs["roleDefinitionId"].endswith("/4633458b-17de-408a-b874-0445c86b69e6")
        assert first.inputs["roleAssignmentName"] == second.inputs["roleAssignmentName"]

    @pytest.mark.parametrize("right", AccessRight)
    def test_never_allow_every_action(self, right: AccessRight) -> None:
        found = [it for (of, _), it in RIGHT_ACTIONS.items() if of is right]

        assert found
        assert not [action for it in found for action in (*it.own, *it.below) if "*" in action]

"""Every type that the programs create has its rights: a new one without them fails here."""

from __future__ import annotations

import json

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.security.permissions import Permission
from semantest_iac.infrastructure.permissions import aws_policies, azure_roles
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES


class TestAws:
    @pytest.mark.parametrize("type_", sorted(AWS_TYPES))
    def test_type_has_actions_of_its_service_to_create_and_to_delete(self, type_: str) -> None:
        actions = aws_policies.list_actions(type_)

        assert actions
        assert not [action for action in actions if "*" in action]

    def test_type_that_is_unknown_is_refused(self) -> None:
        with pytest.raises(RefusedError) as refusal:
            aws_policies.list_actions("aws:gamelift/fleet:Fleet")

        assert refusal.value.error_code == "PERMISSIONS_UNKNOWN"

    def test_function_needs_no_action_of_features_that_it_has_not(self) -> None:
        actions = aws_policies.list_actions("aws:lambda/function:Function")

        assert {"lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:DeleteFunction", "iam:PassRole"} <= {
            *actions
        }
        assert not {"kms:Encrypt", "s3:GetObject", "lambda:PutFunctionCodeSigningConfig"} & {*actions}


class TestAzure:
    def test_types_are_those_of_the_programs(self) -> None:
        assert azure_roles.ARM_TYPES.keys() == AZURE_TYPES.keys()

    @pytest.mark.parametrize("type_", sorted(AZURE_TYPES))
    def test_type_has_operations_to_write_and_to_delete(self, type_: str) -> None:
        verbs = {operation.rpartition("/")[2] for operation in azure_roles.list_role_operations(type_)}

        assert {"read", "write", "delete"} <= verbs


class TestGranted:
    def test_policy_is_read_with_its_denials(self) -> None:
        policy = json.loads(
            '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"},'
            ' {"Effect": "Deny", "Action": ["s3:Put*"], "Resource": ["*"]}]}'
        )

        granted = aws_policies.read_granted_policies([policy])

        assert granted.allowed == (Permission(("s3:*",), ("*",)),)
        assert granted.denied == (Permission(("s3:Put*",), ("*",)),)

    @pytest.mark.parametrize(
        "role",
        [
            {"Actions": ["Microsoft.Web/*"], "NotActions": ["*/delete"]},
            [{"roleName": "x", "permissions": [{"actions": ["Microsoft.Web/*"], "notActions": ["*/delete"]}]}],
            {"properties": {"permissions": [{"actions": ["Microsoft.Web/*"], "notActions": ["*/delete"]}]}},
        ],
        ids=["as it is created", "as it is listed", "as the API returns it"],
    )
    def test_role_is_read_in_each_form(self, role: object) -> None:
        granted = azure_roles.read_granted_roles(role)

        assert granted.allowed == (Permission(("Microsoft.Web/*",), ("*",)),)
        assert granted.denied == (Permission(("*/delete",), ("*",)),)

    @pytest.mark.parametrize("document", [{}, [], [3], "text", {"Statement": None}])
    def test_other_documents_are_refused_or_grant_nothing(self, document: object) -> None:
        for read in (aws_policies.read_granted_policies, azure_roles.read_granted_roles):
            if document == []:
                assert read(document).allowed == ()
                continue
            with pytest.raises(RefusedError) as refusal:
                read(document)
            assert refusal.value.error_code == "POLICY_UNREADABLE"

"""Every type that the programs create has its rights: a new one without them fails here."""

from __future__ import annotations

import json

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.domain.security.permissions import Permission, PermissionPattern, compare_permissions
from semantest_iac.infrastructure.permissions import aws_policies, azure_roles
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES

_OF_GROUP = "/subscriptions/s/resourceGroups/g/providers"


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
    @pytest.mark.parametrize(
        ("id_", "operation"),
        [
            ("/subscriptions/s/resourceGroups/g", "Microsoft.Resources/subscriptions/resourceGroups/write"),
            (f"{_OF_GROUP}/Microsoft.Sql/servers/one", "Microsoft.Sql/servers/write"),
            (f"{_OF_GROUP}/Microsoft.Sql/servers/one/databases/two", "Microsoft.Sql/servers/databases/write"),
            (
                f"{_OF_GROUP}/Microsoft.Sql/servers/one/providers/Microsoft.Authorization/roleAssignments/three",
                "Microsoft.Authorization/roleAssignments/write",
            ),
        ],
    )
    def test_operations_are_those_of_the_type_in_an_id(self, id_: str, operation: str) -> None:
        operations = azure_roles.list_role_operations(DeployedResource("", "one", {}, id=id_))

        assert operation in operations


class TestGranted:
    def test_policy_is_read_with_its_denials(self) -> None:
        policy = json.loads(
            '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"},'
            ' {"Effect": "Deny", "Action": ["s3:Put*"], "Resource": ["*"]}]}'
        )

        granted = aws_policies.read_granted_policies([policy])

        assert granted.allowed == (PermissionPattern(("s3:*",)),)
        assert granted.denied == (PermissionPattern(("s3:Put*",)),)

    def test_policy_is_read_with_what_it_leaves_out(self) -> None:
        statement = {"Effect": "Deny", "NotAction": "iam:*", "NotResource": ["arn:aws:s3:::a"]}

        [denied] = aws_policies.read_granted_policies({"Statement": statement}).denied

        assert denied == PermissionPattern(("*",), ("*",), ("iam:*",), ("arn:aws:s3:::a",))

    def test_what_one_role_leaves_out_another_may_grant(self) -> None:
        roles = [
            {"actions": ["*"], "notActions": ["Microsoft.Authorization/*"]},
            {"actions": "Microsoft.Authorization/*"},
        ]
        needed = Permission(("Microsoft.Authorization/roleAssignments/write",), ("/subscriptions/<subscription>",))
        missing = [
            compare_permissions([needed], azure_roles.read_granted_roles(granted)).missing
            for granted in (roles, roles[:1])
        ]

        assert missing == [(), (needed,)]

    @pytest.mark.parametrize("actions", [[1], [None], [{"a": 1}], {"a": 1}, 5, [["*"]], [""]])
    def test_what_is_no_list_of_names_is_refused(self, actions: object) -> None:
        documents = (
            (
                aws_policies.read_granted_policies,
                {"Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}},
            ),
            (
                aws_policies.read_granted_policies,
                {"Statement": {"Effect": "Allow", "Action": "*", "Resource": actions}},
            ),
            (azure_roles.read_granted_roles, {"actions": actions}),
            (azure_roles.read_granted_roles, {"permissions": [{"actions": [], "notActions": actions}]}),
        )
        for read, document in documents:
            with pytest.raises(RefusedError) as refusal:
                read(document)
            assert refusal.value.error_code == "POLICY_UNREADABLE"

    def test_one_text_is_one_action_of_a_role(self) -> None:
        """Not one for each of its letters, of which `*` is one."""
        granted = azure_roles.read_granted_roles({"Actions": "Microsoft.Web/*"})

        assert granted.allowed == (PermissionPattern(("Microsoft.Web/*",)),)

    @pytest.mark.parametrize(
        "statement",
        [
            {"Effect": "allow", "Action": "*", "Resource": "*"},
            {"Effect": "Allow", "Action": "*"},
            {"Effect": "Allow", "Resource": "*"},
            {"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"},
            "x",
            None,
        ],
    )
    def test_statement_that_iam_would_refuse_is_refused(self, statement: object) -> None:
        with pytest.raises(RefusedError) as refusal:
            aws_policies.read_granted_policies({"Statement": [statement]})

        assert refusal.value.error_code == "POLICY_UNREADABLE"

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

        assert granted.allowed == (PermissionPattern(("Microsoft.Web/*",), not_actions=("*/delete",)),)

    @pytest.mark.parametrize("document", [{}, [], [3], "text", {"Statement": None}])
    def test_other_documents_are_refused_or_grant_nothing(self, document: object) -> None:
        for read in (aws_policies.read_granted_policies, azure_roles.read_granted_roles):
            if document == []:
                assert read(document).allowed == ()
                continue
            with pytest.raises(RefusedError) as refusal:
                read(document)
            assert refusal.value.error_code == "POLICY_UNREADABLE"


class TestScopes:
    def test_of_what_has_an_id_behind_its_name_end_with_the_name(self) -> None:
        arn = "arn:aws:xray:us-east-1:123456789012:group/orders/A1B2"
        group = DeployedResource("aws:xray/group:Group", "traces", {"arn": arn, "groupName": "orders"})
        stack = Stack("observability", "aws", "qa", "us-east-1")
        settings = resolve_component(DeploymentConfiguration(), "observability", "qa")

        needed = aws_policies.describe_policies(stack, settings, [group]).deploy

        scopes = {action: it.resources for it in needed for action in it.actions}
        assert scopes["xray:CreateGroup"] == ("arn:aws:xray:us-east-1:*:group/orders/*",)

    def test_include_the_key_of_a_secret(self) -> None:
        arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:vault/token-AbCdEf"
        outputs, inputs = {"arn": arn, "name": "vault/token"}, {"kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1"}
        secret = DeployedResource("aws:secretsmanager/secret:Secret", "secret-token", outputs, inputs)
        stack = Stack("security", "aws", "qa", "us-east-1")
        settings = resolve_component(DeploymentConfiguration(), "security", "qa")

        needed = aws_policies.describe_policies(stack, settings, [secret]).deploy

        scopes = {action: it.resources for it in needed for action in it.actions}
        assert scopes["kms:GenerateDataKey"] == ("arn:aws:kms:us-east-1:*:key/*",)

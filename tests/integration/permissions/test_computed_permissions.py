"""The rights of whole stacks, computed from what their programs create in a simulated cloud."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.security.permissions import StackPermissions
from semantest_iac.infrastructure.permissions import aws_policies

REGIONS = {"aws": "us-east-1", "azure": "eastus"}
EVERYTHING: dict[str, Any] = {
    "components": {
        "rest-api": {
            "network": {"private": True},
            "environment": {"TOKEN": "${secrets.token}"},
            "instances": {"min": 1, "max": 50},
        },
        "websocket": {"environment": {"TOKEN": "${secrets.token}"}},
    },
    "features": {"tracing": True},
    "monitoring": {"notify": ["a@example.org"]},
}


def compute(
    folder: Path, component: str, provider: str, configuration: dict[str, Any], region: str = ""
) -> StackPermissions:
    stack = Stack(component, provider, "staging", region or REGIONS[provider])
    settings = resolve_component(DeploymentConfiguration.model_validate(configuration), component, "staging")
    return Application(folder / "home").permissions(stack, settings)


@pytest.mark.parametrize("component", ["rest-api", "websocket"])
class TestAws:
    def test_policy_names_the_stack_wherever_an_action_can_be_limited(self, tmp_path: Path, component: str) -> None:
        found = compute(tmp_path, component, "aws", EVERYTHING)

        on_everything = [
            action for it in found.document["Statement"] if it["Resource"] == ["*"] for action in it["Action"]
        ]
        assert on_everything == list(found.unscoped)
        assert [action for action in on_everything if aws_policies.list_arns(action)] == []
        named = [
            it for one in found.deploy for it in one.resources if re.search(r":(lambda|iam|logs|sns|dynamodb):", it)
        ]
        assert named and all(f"semantest-{component}-stg" in arn for arn in named)
        assert not [it for one in found.deploy for it in one.actions if "*" in it]
        assert not (tmp_path / "home").exists()

    def test_run_roles_have_no_grant_without_a_feature(self, tmp_path: Path, component: str) -> None:
        found = compute(tmp_path, component, "aws", EVERYTHING)

        assert found.grants and found.unused == ()
        assert "secretsmanager:GetSecretValue" in {it for one in found.grants for it in one.permission.actions}


@pytest.mark.parametrize(
    ("provider", "action"),
    [
        ("aws", "cloudwatch:GetMetricData"),
        ("azure", "Microsoft.OperationalInsights/workspaces/query/AppRequests/read"),
        ("azure", "Microsoft.AlertsManagement/alerts/read"),
    ],
)
def test_what_is_measured_of_a_new_version_is_needed_with_a_canary_alone(
    tmp_path: Path, provider: str, action: str
) -> None:
    written = {"components": {"rest-api": {"canary": "10%", "instances": {"min": 0}}}}
    with_it, without = (compute(tmp_path, "rest-api", provider, it) for it in (written, {}))

    assert [action in {one for it in found.deploy for one in it.actions} for found in (with_it, without)] == [
        True,
        False,
    ]


def test_the_right_to_call_a_function_is_its_caller_s_and_is_used_for_calls(tmp_path: Path) -> None:
    functions = {
        "orders": {"trigger": {"queue": "orders"}, "calls": ["prices"]},
        "prices": {"trigger": {"http": "internal"}},
    }
    written = {"components": {"functions": {"queues": {"orders": {}}, "functions": functions}}}

    found = compute(tmp_path, "functions", "aws", written)

    calls = [it for it in found.grants if "lambda:InvokeFunction" in it.permission.actions]
    assert [("orders" in it.identity, it.used_by) for it in calls] == [(True, "calls of other functions")]
    assert found.unused == ()


class TestAwsPartitions:
    def test_are_those_of_the_region(self, tmp_path: Path) -> None:
        found = compute(tmp_path, "rest-api", "aws", {}, "cn-north-1")

        arns = {it.split(":")[1] for one in found.deploy for it in one.resources if it != "*"}
        assert arns == {"aws-cn"}


@pytest.mark.parametrize("component", ["rest-api", "websocket"])
class TestAzure:
    def test_role_covers_every_type_and_built_in_roles_cover_the_role(self, tmp_path: Path, component: str) -> None:
        found = compute(tmp_path, component, "azure", EVERYTHING)

        actions = found.document["Actions"]
        assert {"Microsoft.Web/sites/write", "Microsoft.Authorization/roleAssignments/write"} <= {*actions}
        assert sum(count for _, count in found.built_in_roles) == len(actions)
        assert sorted(it for one in found.deploy for it in one.actions) == actions

    def test_unused_grants_are_those_of_queues(self, tmp_path: Path, component: str) -> None:
        found = compute(tmp_path, component, "azure", EVERYTHING)

        assert {it.permission.actions for it in found.unused} == {("Storage Queue Data Contributor",)}
        assert all(it.used_by or it in found.unused for it in found.grants)


@pytest.mark.parametrize(
    ("provider", "actions"),
    [
        ("aws", {"ecr:GetAuthorizationToken", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:PutImage"}),
        ("azure", {"Microsoft.ContainerRegistry/registries/push/write"}),
    ],
)
@pytest.mark.parametrize("is_pushed", [True, False])
def test_images_are_pushed_by_those_who_make_them(
    tmp_path: Path, provider: str, actions: set[str], is_pushed: bool
) -> None:
    code = {"source": ".", "start": "node server.js"} if is_pushed else {"image": "ghcr.io/example/orders:1.4"}
    written = {"components": {"shop": {"type": "services", "services": {"orders": code}}}}

    found = compute(tmp_path, "shop", provider, written)

    given = {action: one.resources for one in found.deploy for action in one.actions}
    assert (given.keys() & actions) == (actions if is_pushed else set())
    assert all("*" not in given[it] for it in actions & given.keys() if it == "ecr:PutImage")


def test_a_domain_needs_the_rights_of_its_second_deployment_from_the_first_on(tmp_path: Path) -> None:
    found = compute(tmp_path, "rest-api", "aws", {"components": {"rest-api": {"domain": "api.example.org"}}})

    allowed = {(action, arn) for it in found.deploy for action in it.actions for arn in it.resources}
    domains = "arn:aws:apigateway:us-east-1::/domainnames"
    assert {("apigateway:POST", domains), ("apigateway:AddCertificateToDomain", f"{domains}/*")} <= allowed
    certificates = "arn:aws:acm:us-east-1:*:certificate/*"
    assert {("acm:DescribeCertificate", certificates), ("acm:DeleteCertificate", certificates)} <= allowed


def test_a_site_with_a_domain_needs_rights_where_cloudfront_has_its_parts(tmp_path: Path) -> None:
    site = {"source": ".", "domain": "app.example.org", "dns_zone": "example.org"}
    configuration = {"features": {"enable_cdn": True}, "components": {"site": {"site": site}}}
    found = compute(tmp_path, "site", "aws", configuration, "eu-west-1")

    allowed = {action: arn for it in found.deploy for action in it.actions for arn in it.resources}
    assert allowed["acm:DescribeCertificate"] == "arn:aws:acm:us-east-1:*:certificate/*"
    assert allowed["wafv2:UpdateWebACL"].startswith("arn:aws:wafv2:us-east-1:*:global/webacl/")
    assert allowed["route53:ChangeResourceRecordSets"] == "arn:aws:route53:::hostedzone/*"
    assert allowed["cloudfront:UpdateDistribution"] == "arn:aws:cloudfront::*:distribution/*"

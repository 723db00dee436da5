"""What the programs create is what the clouds' own models accept, which no generator of this project reads.

Every example and every component in every environment is created in the sandbox; each resource is then put into the
request of AWS's service models (botocore), or compared with the models of Azure's management packages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.names import ENVIRONMENTS
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.sandbox_engine.trial_runs import list_created_resources
from tests.contract.kinds.conftest import FindLife
from tests.contract.kinds.pairs import SUPPORTED_PAIRS
from tests.kind_examples.example import KindExample
from tests.kind_examples.registry import EXAMPLES
from tests.layer_sections import GATEWAY_SECTION
from tests.published_models.aws_requests import check_aws_resource
from tests.published_models.azure_requests import check_azure_resource
from tests.published_models.explanations import EXPLANATIONS, list_unexplained
from tests.published_models.findings import Explanation, Finding

Check = Callable[[str, Mapping[str, Any]], Iterator[Finding]]

_CHECKS: Mapping[str, Check] = {"aws": check_aws_resource, "azure": check_azure_resource}
_SECRET = {"environment": {"TOKEN": "${secrets.token}"}}
_CALLING = {
    "source": ".",
    "functions": {
        "orders": {"handler": "app.orders", "trigger": {"queue": "orders-queue"}, "calls": ["prices"]},
        "prices": {"handler": "app.prices", "trigger": {"http": "internal"}},
        "nightly": {"handler": "app.nightly", "trigger": {"schedule": "0 3 * * *", "time_zone": "Europe/Berlin"}},
    },
}
_WRITTEN = {
    "rest-api": {
        **_SECRET,
        "network": {"private": True},
        "authorizer": {"issuer": "https://issuer.example.org", "audience": ["semantest"]},
        "cors": {"origins": ["https://app.example.org"], "credentials": True},
        "routes": [{"path": "/items/{id}", "methods": ["GET", "POST"]}],
        "instances": {"min": 1, "max": 5},
    },
    "websocket": {"environment": {"JWT_SECRET": "${secrets.jwt_secret}"}},
    **dict.fromkeys(("functions", "platform"), _CALLING),
    "gateway": GATEWAY_SECTION,
}
"""Settings with which components use most of what they can; the others have their defaults."""


def _list_stacks() -> Iterator[Stack]:
    for component in BLUEPRINTS:
        for environment in ENVIRONMENTS:
            for provider in _CHECKS:
                yield Stack(component, provider, environment, CLOUDS[provider].regions[0])


def _build(stack: Stack) -> Any:
    section = {"components": {stack.component: it}} if (it := _WRITTEN.get(stack.component)) else {}
    written = {**section, "monitoring": {"notify": ["operations@example.org"]}, "tags": {"team": "qa"}}
    configuration = DeploymentConfiguration.model_validate(written)
    settings = resolve_component(configuration, stack.component, stack.environment)
    return BLUEPRINTS[stack.component](stack, 1, settings)


def _is_possible(stack: Stack) -> bool:
    capabilities = find_cloud(stack.provider).capabilities
    resources = _build(stack).resources  # without any, the layer is turned off
    return bool(resources) and not any(capabilities.unsupported_reason(type(it)) for it in resources)


class TestResources:
    @pytest.mark.parametrize("stack", [it for it in _list_stacks() if _is_possible(it)], ids=str)
    def test_of_components_are_accepted(self, stack: Stack, tmp_path: Path) -> None:
        created = asyncio.run(list_created_resources(_build(stack), "python3.13", tmp_path))

        found = (finding for it in created for finding in _CHECKS[stack.provider](it.type, it.inputs))

        assert created
        assert list_unexplained(found) == []

    @pytest.mark.parametrize(("example", "provider"), SUPPORTED_PAIRS)
    def test_of_examples_are_accepted(self, example: KindExample, provider: str, find_life: FindLife) -> None:
        resources = find_life(example, provider).resources

        assert list_unexplained(it for one in resources for it in _CHECKS[provider](one.type, one.inputs)) == []

    @pytest.mark.parametrize("explanation", EXPLANATIONS, ids=lambda it: f"{it.type} {it.path}")
    def test_need_every_explanation(self, explanation: Explanation, find_life: FindLife) -> None:
        """One that covers nothing any more would hide the next finding that is true."""
        provider = "aws" if explanation.type.startswith("aws:") else "azure"
        [example] = [it for it in EXAMPLES if str(it) == explanation.example]

        found = (
            finding
            for created in find_life(example, provider).resources
            for finding in _CHECKS[provider](created.type, created.inputs)
        )
        assert any(map(explanation.covers, found))


_TABLE = "aws:dynamodb/table:Table"
_GOOD_TABLE: Mapping[str, Any] = {
    "name": "connections",
    "billingMode": "PAY_PER_REQUEST",
    "attributes": [{"name": "id", "type": "S"}],
    "hashKey": "id",
    "ttl": {"attributeName": "until", "enabled": True},
}
_VAULT = "azure-native:keyvault:Vault"
_GOOD_VAULT: Mapping[str, Any] = {
    "resourceGroupName": "group",
    "vaultName": "vault",
    "properties": {"tenantId": "id", "sku": {"family": "A", "name": "standard"}},
}


class TestChecks:
    """The checks find what they are for, so that an empty list says something."""

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({}, ""),
            ({"billing": "x"}, "is no member of CreateTable"),
            ({"billingMode": "PER_REQUEST"}, "is none of 2 options"),
            ({"billingMode": 3}, "is no string"),
            ({"name": "n" * 1025}, "is more than 1024"),
            ({"attributes": [{"name": "id"}]}, "lacks AttributeType"),
            ({"ttl": {"attributeName": "until", "enabled": "yes"}}, "is no boolean"),
            ({"hashKey": None}, ""),
        ],
    )
    def test_find_faults_of_requests_to_aws(self, change: Mapping[str, Any], problem: str) -> None:
        findings = [it.problem for it in check_aws_resource(_TABLE, {**_GOOD_TABLE, **change})]

        assert (findings == []) if not problem else any(problem in found for found in findings)

    def test_find_what_a_request_to_aws_lacks(self) -> None:
        findings = [it.problem for it in check_aws_resource("aws:iam/role:Role", {"name": "a role"})]

        assert findings == [r"does not match [\w+=,.@-]+", "CreateRole requires AssumeRolePolicyDocument"]

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({}, ""),
            ({"sku": "x"}, "is no field of VaultCreateOrUpdateParameters"),
            ({"properties": {"tenantId": "id"}}, "lacks sku of VaultProperties"),
            ({"properties": {**_GOOD_VAULT["properties"], "sku": {"family": "A", "name": "best"}}}, "is none of"),
            ({"properties": {**_GOOD_VAULT["properties"], "enableSoftDelete": "yes"}}, "is no boolean"),
            ({"properties": {**_GOOD_VAULT["properties"], "hsmPoolResourceId": "id"}}, "is computed by the cloud"),
        ],
    )
    def test_find_faults_of_requests_to_azure(self, change: Mapping[str, Any], problem: str) -> None:
        written = {"location": "eastus", **_GOOD_VAULT, **change}

        findings = [it.problem for it in check_azure_resource(_VAULT, written)]

        assert (findings == []) if not problem else any(problem in found for found in findings)

    @pytest.mark.parametrize("check", _CHECKS.values(), ids=_CHECKS)
    def test_say_that_they_do_not_know_a_type(self, check: Check) -> None:
        assert [it.problem for it in check("a:none/thing:Thing", {})] == ["is in no table of calls"]

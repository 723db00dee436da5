"""The gaps between our clouds; every one that closes or opens changes this file."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from semantest_iac.domain.blueprints.capabilities import Capabilities, Feature, capability_label, list_capabilities
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

_STACK = Stack("rest-api", "azure", "development", "eastus")

_GAPS = {
    "aws": {
        "ContainerService (Dapr)",
        "ContainerService (public)",
        "ManagedGateway (headers of answers)",
        "ManagedGateway (removed headers of requests)",
        "ContentDelivery (domain without a zone)",
    },
    "azure": {
        "CustomDomain",
        "DataPipeline (in a private network)",
        "ExistingNetwork (security groups)",
        "ExistingNetwork (several subnets)",
        "GatewayLogging",
        "LogStore (more than two years)",
        "MessageTrigger (maximum calls)",
    },
}


def _gaps(capabilities: Capabilities) -> set[str]:
    return {capability_label(wanted) for wanted in list_capabilities() if capabilities.unsupported_reason(wanted)}


class TestGaps:
    @pytest.mark.parametrize(("name", "gaps"), _GAPS.items(), ids=_GAPS)
    def test_are_these(self, name: str, gaps: set[str]) -> None:
        assert _gaps(find_cloud(name).capabilities) == gaps

    @pytest.mark.parametrize("name", CLOUD_ENTRIES)
    def test_have_their_own_reason(self, name: str) -> None:
        found = find_cloud(name)
        bare = replace(found, unsupported={}).capabilities

        assert [
            capability_label(it)
            for it in list_capabilities()
            if not isinstance(it, Feature) and bare.unsupported_reason(it)
        ] == [capability_label(it) for it in found.unsupported if not isinstance(it, Feature)]


class TestMapping:
    def test_that_is_removed_shows_in_parity_and_in_the_refusal(self) -> None:
        azure = find_cloud("azure")
        without = replace(azure, kinds={kind: make for kind, make in azure.kinds.items() if kind is not HttpApi})
        clouds = {"azure": without.capabilities, "aws": find_cloud("aws").capabilities}

        report = ValidationService(date(2026, 11, 21), CLOUD_ENTRIES, clouds.__getitem__).validate(
            _STACK, DeploymentConfiguration()
        )

        assert "HttpApi" in _gaps(without.capabilities) - _gaps(azure.capabilities)
        assert [(fault.message, fault.hint) for fault in report.faults] == [
            ("azure has no HTTP API: it has no program for this kind", "Available on aws.")
        ]


class TestLostData:
    def test_needs_no_words_of_a_cloud(self) -> None:
        clouds = [replace(find_cloud("aws"), stateful=stateful) for stateful in ({"a:b:Log"}, {"a:b:Log": "its lines"})]

        assert [cloud.find_lost_data("a:b:Log") for cloud in clouds] == ["its data", "its lines"]
        assert [cloud.find_lost_data("a:b:Topic") for cloud in clouds] == ["", ""]

"""What is refused of domains of APIs and gateways, on both clouds."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationReport, ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

_API = {"apis": {"orders": {"url": "https://orders.example.net"}}}


def _validate(
    components: dict[str, Any], component: str = "rest-api", provider: str = "aws", environment: str = "staging"
) -> ValidationReport:
    configuration = DeploymentConfiguration.model_validate({"components": components})
    service = ValidationService(date(2026, 11, 1), CLOUD_ENTRIES, lambda name: find_cloud(name).capabilities)
    region = {"aws": "us-east-1", "azure": "eastus"}[provider]
    return service.validate(Stack(component, provider, environment, region), configuration)


class TestDomains:
    @pytest.mark.parametrize(
        ("written", "key"),
        [
            ({"domain": "https://api.example.org"}, "domain"),
            ({"domain": "API.example.org"}, "domain"),
            ({"domain": "*.example.org"}, "domain"),
            ({"domain": "localhost"}, "domain"),
            ({"domain": f"{'a' * 60}.example.org"}, "domain"),
            ({"domain": "api.example.org", "dns_zone": "example.com"}, "dns_zone"),
            ({"domain": "badexample.org", "dns_zone": "example.org"}, "dns_zone"),
            ({"dns_zone": "example.org/"}, "dns_zone"),
        ],
    )
    def test_that_no_cloud_takes_are_refused(self, written: dict[str, str], key: str) -> None:
        api = _validate({"rest-api": written}).faults
        gateway = _validate({"gateway": {"gateway": {**_API, **written}}}, "gateway").faults

        assert [it.path for it in api] == [f"components.rest-api.{key}"]
        assert [it.path for it in gateway] == [f"components.gateway.gateway.{key}"]

    def test_of_a_zone_may_be_its_apex(self) -> None:
        written = {"domain": "example.org", "dns_zone": "example.org"}

        assert _validate({"rest-api": written}).faults == ()
        assert _validate({"websocket": written}, "websocket").faults == ()

    def test_at_the_apex_without_a_zone_are_warned_of(self) -> None:
        assert [it.path for it in _validate({"rest-api": {"domain": "example.org"}}).warnings] == [
            "components.rest-api.domain"
        ]

    def test_that_two_components_have_are_refused(self) -> None:
        section = {"domain": "api.example.org"}
        (fault,) = _validate({"rest-api": section, "websocket": section}).faults

        assert (fault.path, "components.rest-api.domain" in fault.message) == ("components.websocket.domain", True)

    @pytest.mark.parametrize("component", ["rest-api", "websocket", "gateway"])
    def test_of_a_cloud_without_them_are_refused_with_the_reason(self, component: str) -> None:
        domain = {"domain": "api.example.org"}
        components = {component: {"gateway": {**_API, **domain}} if component == "gateway" else domain}
        faults = [it for it in _validate(components, component, "azure").faults if "domain" in it.path]

        assert ["azure has no custom domain: " in it.message and "aws" in it.hint for it in faults] == [True]

    def test_are_no_key_of_other_layers(self) -> None:
        (fault,) = _validate({"database": {"domain": "api.example.org"}}, "database").faults

        assert fault.path == "components.database.domain"

    def test_of_which_there_is_the_zone_alone_are_warned_of(self) -> None:
        assert [it.path for it in _validate({"rest-api": {"dns_zone": "example.org"}}).warnings] == [
            "components.rest-api.dns_zone"
        ]

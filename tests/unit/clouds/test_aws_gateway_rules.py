"""What API Gateway refuses of a gateway is refused before anything changes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.registry import CLOUDS

_APIS = "components.gateway.gateway.apis"


def _list_faults(provider: str = "aws", **apis: dict[str, Any]) -> list[str]:
    whole = {name: {"url": f"https://{name}.example.org", "key": False, **api} for name, api in apis.items()}
    configuration = DeploymentConfiguration.model_validate({"components": {"gateway": {"gateway": {"apis": whole}}}})
    stack = Stack("gateway", provider, "development", CLOUDS[provider].regions[0])

    report = ValidationService(date(2026, 12, 1), CLOUDS, lambda name: find_cloud(name).capabilities).validate(
        stack, configuration
    )
    return [fault.path for fault in report.faults]


def _operations(*paths: str) -> dict[str, Any]:
    return {"operations": [{"path": path} for path in paths]}


class TestHeaders:
    def test_with_quotes_are_refused(self) -> None:
        api = {"request_headers": {"set": {"x-client": "it's us", "x-other": "plain"}}}

        assert _list_faults(orders=api) == [f"{_APIS}.orders.request_headers.set.x-client"]
        assert _list_faults("azure", orders=api) == []

    @pytest.mark.parametrize(
        "api",
        [
            {"request_headers": {"remove": ["x-debug"]}},
            {"response_headers": {"set": {"x-frame-options": "DENY"}}},
            {"response_headers": {"remove": ["server"]}},
        ],
    )
    def test_that_cannot_be_changed_are_refused(self, api: dict[str, Any]) -> None:
        assert _list_faults(orders=api) == ["components.gateway.gateway.apis"]
        assert _list_faults("azure", orders=api) == []


class TestVariables:
    @pytest.mark.parametrize(
        ("apis", "faults"),
        [
            ({"orders": _operations("/{id}", "/{id}/lines")}, []),
            ({"orders": _operations("/{id}", "/{other}/lines")}, []),
            ({"orders": _operations("/{id}"), "prices": _operations("/{path+}")}, []),
            ({"orders": _operations("/{id}", "/{rest+}")}, [f"{_APIS}.orders.operations"]),
            ({"all": {"path": "/"}, "ids": {"path": "/", **_operations("/{id}")}}, None),
            ({"all": {"path": "/a"}, "b": {"path": "/a/b"}}, []),
        ],
    )
    def test_for_one_segment_and_for_the_rest_have_other_places(
        self, apis: dict[str, Any], faults: list[str] | None
    ) -> None:
        found = _list_faults(**apis)

        assert found == faults if faults is not None else f"{_APIS}.ids.operations" in found

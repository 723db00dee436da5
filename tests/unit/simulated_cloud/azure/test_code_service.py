"""The deployment service of function apps, called as by a client."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.simulated_cloud.azure.code_service import CodeService
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import find_code_service
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import APP, CONTAINER, World

_ORIGIN = "https://func-semantest.scm.azurewebsites.net"
_WHO = (("authorization", "Bearer anybody"),)
_DIGEST = sha256(b"code").hexdigest()


def _publish(service: CodeService) -> HttpResponse:
    return service(_ORIGIN, HttpRequest("POST", "/api/publish", headers=_WHO, body=b"code"))


def _look(service: CodeService, deployment: str = "latest") -> HttpResponse:
    return service(_ORIGIN, HttpRequest("GET", f"/api/deployments/{deployment}", headers=_WHO))


@pytest.fixture
def service(cloud: SimulatedCloud, world: World) -> CodeService:
    return CodeService(cloud)


class TestCodeService:
    def test_has_no_deployment_at_first(self, service: CodeService) -> None:
        assert _look(service).status == 404

    def test_accepts_a_package_and_reports_the_running_one(
        self, service: CodeService, cloud: SimulatedCloud, world: World
    ) -> None:
        accepted = _publish(service)

        deployment = json.loads(_look(service, json.loads(accepted.body)).body)
        assert (accepted.status, deployment["status"], deployment["deployer"]) == (202, 4, f"semantest-iac-{_DIGEST}")
        assert cloud.published_code_digest(APP, world[APP].id) == _DIGEST
        assert json.loads(_look(service).body) == deployment

    @pytest.mark.parametrize(("access", "status"), [("Enabled", 202), ("Disabled", 403)])
    def test_is_reached_at_a_public_address_alone(
        self, service: CodeService, cloud: SimulatedCloud, world: World, access: str, status: int
    ) -> None:
        cloud.update(APP, world[APP].id, {**SAMPLES[APP](world), "publicNetworkAccess": access})

        assert _publish(service).status == status

    def test_reports_a_failure_in_the_deployment(
        self, service: CodeService, cloud: SimulatedCloud, world: World
    ) -> None:
        cloud.delete(CONTAINER, world[CONTAINER].id)

        accepted = _publish(service)

        deployment = json.loads(_look(service, json.loads(accepted.body)).body)
        assert (accepted.status, deployment["status"]) == (202, 3)
        assert "Azure Storage responded with NotFound" in deployment["status_text"]

    @pytest.mark.parametrize(
        ("origin", "request_", "status"),
        [
            ("https://other.scm.azurewebsites.net", HttpRequest("GET", "/api/deployments/latest", headers=_WHO), 404),
            (_ORIGIN, HttpRequest("GET", "/api/deployments/latest"), 401),
            (_ORIGIN, HttpRequest("POST", "/api/zipdeploy", headers=_WHO), 404),
            (_ORIGIN, HttpRequest("GET", "/api/deployments/none", headers=_WHO), 404),
        ],
        ids=["no such app", "nobody", "the way of other plans", "no such deployment"],
    )
    def test_refuses(self, service: CodeService, origin: str, request_: Any, status: int) -> None:
        assert service(origin, request_).status == status

    def test_is_found_by_the_name_of_the_provider(self, cloud: SimulatedCloud) -> None:
        assert isinstance(find_code_service("azure-native", cloud), CodeService)

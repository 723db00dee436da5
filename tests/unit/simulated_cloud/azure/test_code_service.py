"""The service that takes packages for function apps, as a client meets it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.simulated_cloud.azure.code_service import CodeService
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import find_code_service
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
    """The service of a cloud in which an app stands."""
    return CodeService(cloud)


class TestCodeService:
    def test_knows_nothing_at_first(self, service: CodeService) -> None:
        assert _look(service).status == 404

    def test_takes_a_package_and_tells_which_one_runs(
        self, service: CodeService, cloud: SimulatedCloud, world: World
    ) -> None:
        taken = _publish(service)

        told = json.loads(_look(service, json.loads(taken.body)).body)
        assert (taken.status, told["status"], told["deployer"]) == (202, 4, f"semantest-iac-{_DIGEST}")
        assert cloud.published_code(APP, world[APP].id) == _DIGEST
        assert json.loads(_look(service).body) == told

    def test_tells_of_a_failure_when_it_is_looked_at(
        self, service: CodeService, cloud: SimulatedCloud, world: World
    ) -> None:
        cloud.delete(CONTAINER, world[CONTAINER].id)

        taken = _publish(service)

        told = json.loads(_look(service, json.loads(taken.body)).body)
        assert (taken.status, told["status"]) == (202, 3)
        assert "Azure Storage responded with NotFound" in told["status_text"]

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

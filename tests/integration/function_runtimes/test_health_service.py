from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from semantest_iac.infrastructure.function_runtimes.api_gateway import (
    ApiIdentity,
    RequestMetadata,
    RouteMatch,
    build_api_event,
    build_api_response,
)
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache

ENVIRONMENT = {"SERVICE_VERSION": "2.1.0", "SEMANTEST_ENVIRONMENT": "staging"}
IDENTITY = {"service": "semantest", "version": "2.1.0", "environment": "staging"}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[FunctionProcess]:
    artifact = PackageBuilder(tmp_path).build(FunctionSource())
    folder = PackageCache(tmp_path).unpack(artifact.path)
    async with FunctionProcess.start(FunctionSpec(folder, artifact.handler, artifact.runtime, ENVIRONMENT)) as process:
        yield process


async def call(service: FunctionProcess, method: str, path: str, stage: str = "$default") -> HttpResponse:
    api, metadata = (
        ApiIdentity("abc", "abc.example", stage=stage),
        RequestMetadata("r", datetime(2026, 1, 1, tzinfo=UTC)),
    )
    event = build_api_event(HttpRequest(method, path), RouteMatch("$default"), api, metadata)
    return build_api_response(await service.invoke(event))


class TestHealthService:
    @pytest.mark.parametrize(
        ("path", "status"), [("/health", "healthy"), ("/health/live", "alive"), ("/health/ready", "ready")]
    )
    @pytest.mark.parametrize("stage", ["$default", "live"])
    async def test_reports_its_health(self, service: FunctionProcess, path: str, status: str, stage: str) -> None:
        response = await call(service, "GET", path, stage)

        body = json.loads(response.body)
        assert (response.status, body["status"]) == (200, status)
        assert {"timestamp", "uptime"} <= body.keys()
        assert IDENTITY.items() <= body.items()

    @pytest.mark.parametrize("path", ["/signature", "/semantest-signature"])
    async def test_reports_its_identity(self, service: FunctionProcess, path: str) -> None:
        response = await call(service, "GET", path)

        assert json.loads(response.body) == {**IDENTITY, "capabilities": ["rest-api"]}

    async def test_answers_head_without_a_body(self, service: FunctionProcess) -> None:
        response = await call(service, "HEAD", "/health")

        assert (response.status, response.body) == (200, b"")

    @pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/health", 405)])
    async def test_refuses_with_json(self, service: FunctionProcess, method: str, path: str, status: int) -> None:
        response = await call(service, method, path)

        assert response.status == status
        assert "error" in json.loads(response.body)

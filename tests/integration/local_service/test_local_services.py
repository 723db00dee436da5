"""Stacks with real functions that change while they are served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.api_gateway import build_api_response
from semantest_iac.infrastructure.function_runtimes.function_process import PoolLimits
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import AdmissionResult, ApiFrontend
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
from semantest_iac.infrastructure.local_service.local_probe import LocalProbe
from semantest_iac.infrastructure.local_service.local_services import LocalServices, Releases, ServingLimits
from semantest_iac.infrastructure.local_service.warm_service import WarmService

STACK = "rest-api.aws.development.us-east-1"
HANDLER = """
import os, time
def handler(event, context):
    time.sleep({pause})
    print('called')
    return ['{version}', os.getpid()]
"""


@dataclass
class FakeDeployments(LocalProbe):
    """A probe whose deployments a test makes."""

    folder: Path
    stacks: dict[str, str] = field(default_factory=dict)
    frontend: ApiFrontend | None = None
    loads: int = 0

    def deploy(self, version: str, pause: float = 0, body: str = "", timeout_s: float = 20) -> None:
        """Deploy a version of the stack; its release has the name of the version."""
        package = self.folder / version
        package.mkdir(exist_ok=True)
        (package / "app.py").write_text(body or HANDLER.format(version=version, pause=pause))
        spec = FunctionSpec(package, "app.handler", "python3.11", timeout_s=20)
        self.frontend = ApiFrontend(lambda: spec, lambda request: AdmissionResult(event={}), _respond, timeout_s)
        self.record({STACK: version})

    def record(self, stacks: dict[str, str]) -> None:
        """Change what the ledger says."""
        self.stacks = stacks
        (self.folder / "ledger.db").write_text(str(stacks))

    async def load_frontend(self, stack: Stack) -> ApiFrontend:
        self.loads += 1
        assert self.frontend
        return self.frontend


def _respond(request: HttpRequest, invocation: Invocation) -> HttpResponse:
    return build_api_response(invocation)


@pytest.fixture
def deployments(tmp_path: Path) -> FakeDeployments:
    return FakeDeployments(tmp_path)


@pytest.fixture
async def services(deployments: FakeDeployments) -> AsyncIterator[LocalServices]:
    releases = Releases(lambda: dict(deployments.stacks), deployments.folder / "ledger.db")
    logs = FunctionLogFiles(deployments.folder / "logs")
    async with LocalServices(
        releases, lambda stack: deployments, logs, ServingLimits(PoolLimits(max_processes=3, wait_before_start_s=0))
    ) as services:
        yield services


async def call(services: LocalServices, stack: str = STACK) -> Any:
    answer = await services.call(stack, HttpRequest("GET", "/"))
    return json.loads(answer.response.body)


def log_lines(deployments: FakeDeployments) -> list[str]:
    return [line["text"] for line in next(FunctionLogFiles(deployments.folder / "logs").follow_batches(STACK))]


async def wait_for_lines(read: Callable[[], list[str]]) -> list[str]:
    for _ in range(200):
        if lines := read():
            return lines
        await asyncio.sleep(0.05)
    return []


class TestStack:
    async def test_is_answered_once_it_is_deployed(self, deployments: FakeDeployments, services: LocalServices) -> None:
        with pytest.raises(NotFoundError):
            await call(services)

        deployments.deploy("one")

        assert (await call(services))[0] == "one"
        assert await services.names() == [STACK]

    async def test_may_change_between_two_requests(self, deployments: FakeDeployments, services: LocalServices) -> None:
        deployments.deploy("one")
        await call(services)

        deployments.deploy("two")

        assert (await call(services))[0] == "two"

    async def test_completes_running_requests_with_the_old_version(
        self, deployments: FakeDeployments, services: LocalServices
    ) -> None:
        deployments.deploy("one", pause=0.5)
        await call(services)
        early = asyncio.create_task(call(services))
        await asyncio.sleep(0.1)

        deployments.deploy("two")
        late = await call(services)

        assert (late[0], (await early)[0]) == ("two", "one")

    async def test_stays_warm_through_a_deployment_that_changes_nothing(
        self, deployments: FakeDeployments, services: LocalServices
    ) -> None:
        deployments.deploy("one")
        before = await call(services)

        deployments.record({STACK: "one again"})

        assert await call(services) == before

    async def test_is_loaded_once_per_release(self, deployments: FakeDeployments, services: LocalServices) -> None:
        deployments.deploy("one")
        await asyncio.gather(*(call(services) for _ in range(9)))

        assert deployments.loads == 1

    async def test_is_unknown_after_it_is_destroyed(
        self, deployments: FakeDeployments, services: LocalServices
    ) -> None:
        deployments.deploy("one")
        await call(services)

        deployments.record({})

        with pytest.raises(NotFoundError):
            await call(services)

    async def test_logs_why_it_failed(self, deployments: FakeDeployments) -> None:
        deployments.deploy("one", body="def handler(event, context):\n    raise ValueError('no database')")

        assert deployments.frontend
        async with WarmService(deployments.frontend) as service:
            answer = await service.call(HttpRequest("GET", "/"))

        assert (answer.response.status, answer.last_message) == (500, "ValueError: no database")
        assert "\n[ERROR] ValueError: no database\n  Traceback (most recent call last):\n" in answer.logs

    async def test_that_cannot_be_loaded_fails_each_request(
        self, deployments: FakeDeployments, services: LocalServices
    ) -> None:
        deployments.deploy("one", body="import nothing_there")

        answers = [await services.call(STACK, HttpRequest("GET", "/")) for _ in range(2)]

        assert [(it.response.status, it.response.body) for it in answers] == [
            (500, b'{"message":"Internal Server Error"}')
        ] * 2
        assert {it.last_message.partition(":")[0] for it in answers} == {"Runtime.ImportModuleError"}

    async def test_answers_concurrent_requests_in_several_processes(
        self, deployments: FakeDeployments, services: LocalServices
    ) -> None:
        deployments.deploy("one", pause=0.2)

        processes = {pid for _, pid in await asyncio.gather(*(call(services) for _ in range(6)))}

        assert len(processes) == 3


class TestFunction:
    async def test_that_does_not_start_causes_the_clouds_error_and_a_log_line(
        self, deployments: FakeDeployments, services: LocalServices
    ) -> None:
        deployments.deploy("one", body="raise ValueError('no database')")

        answer = await services.call(STACK, HttpRequest("GET", "/"))

        assert (answer.response.status, b"database" in answer.response.body) == (500, False)
        assert "no database" in log_lines(deployments)[0]

    async def test_that_is_late_continues_without_its_client(
        self, deployments: FakeDeployments, services: LocalServices
    ) -> None:
        deployments.deploy("one", pause=1, timeout_s=0.3)

        answer = await services.call(STACK, HttpRequest("GET", "/"))

        assert (answer.response.status, log_lines(deployments)) == (503, [])
        assert "called" in await wait_for_lines(lambda: log_lines(deployments))

    async def test_has_its_output_in_the_log(self, deployments: FakeDeployments, services: LocalServices) -> None:
        deployments.deploy("one")
        await call(services)

        start, called, end, report = log_lines(deployments)
        assert (start.split(":")[0], called, end.split(":")[0], report.split(":")[0]) == (
            "START RequestId", "called", "END RequestId", "REPORT RequestId"
        )  # fmt: skip

"""Stacks of real functions that change while they are served."""

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
TELLS = """
import os, time
def handler(event, context):
    time.sleep({pause})
    print('asked')
    return ['{version}', os.getpid()]
"""


@dataclass
class House(LocalProbe):
    """What is deployed, as a test says."""

    folder: Path
    stacks: dict[str, str] = field(default_factory=dict)
    front_now: ApiFrontend | None = None
    asked: int = 0

    def deploy(self, version: str, pause: float = 0, body: str = "", longest_s: float = 20) -> None:
        """Another version of the stack, whose release is called as the version."""
        package = self.folder / version
        package.mkdir(exist_ok=True)
        (package / "app.py").write_text(body or TELLS.format(version=version, pause=pause))
        spec = FunctionSpec(package, "app.handler", "python3.11", timeout_s=20)
        self.front_now = ApiFrontend(lambda: spec, lambda request: AdmissionResult(event={}), _answer, longest_s)
        self.record({STACK: version})

    def record(self, stacks: dict[str, str]) -> None:
        """What the ledger says from now on."""
        self.stacks = stacks
        (self.folder / "ledger.db").write_text(str(stacks))

    async def front(self, stack: Stack) -> ApiFrontend:
        """That of the version deployed last."""
        self.asked += 1
        assert self.front_now
        return self.front_now


def _answer(request: HttpRequest, invocation: Invocation) -> HttpResponse:
    return build_api_response(invocation)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Nothing is deployed."""
    return House(tmp_path)


@pytest.fixture
async def services(house: House) -> AsyncIterator[LocalServices]:
    """Those of the house."""
    releases = Releases(lambda: dict(house.stacks), house.folder / "ledger.db")
    logs = FunctionLogFiles(house.folder / "logs")
    async with LocalServices(
        releases, lambda stack: house, logs, ServingLimits(PoolLimits(max_processes=3, wait_before_start_s=0))
    ) as services:
        yield services


async def ask(services: LocalServices, stack: str = STACK) -> Any:
    answer = await services.call(stack, HttpRequest("GET", "/"))
    return json.loads(answer.response.body)


def printed(house: House) -> list[str]:
    return [line["text"] for line in next(FunctionLogFiles(house.folder / "logs").batches(STACK))]


async def anything(look: Callable[[], list[str]]) -> list[str]:
    for _ in range(200):
        if found := look():
            return found
        await asyncio.sleep(0.05)
    return []


class TestStack:
    async def test_is_answered_once_it_is_deployed(self, house: House, services: LocalServices) -> None:
        with pytest.raises(NotFoundError):
            await ask(services)

        house.deploy("one")

        assert (await ask(services))[0] == "one"
        assert await services.names() == [STACK]

    async def test_changes_between_two_requests(self, house: House, services: LocalServices) -> None:
        house.deploy("one")
        await ask(services)

        house.deploy("two")

        assert (await ask(services))[0] == "two"

    async def test_ends_old_requests_with_the_old_version(self, house: House, services: LocalServices) -> None:
        house.deploy("one", pause=0.5)
        await ask(services)
        early = asyncio.create_task(ask(services))
        await asyncio.sleep(0.1)

        house.deploy("two")
        late = await ask(services)

        assert (late[0], (await early)[0]) == ("two", "one")

    async def test_stays_warm_through_a_deployment_that_changes_nothing(
        self, house: House, services: LocalServices
    ) -> None:
        house.deploy("one")
        before = await ask(services)

        house.record({STACK: "one again"})

        assert await ask(services) == before

    async def test_is_read_once_per_release(self, house: House, services: LocalServices) -> None:
        house.deploy("one")
        await asyncio.gather(*(ask(services) for _ in range(9)))

        assert house.asked == 1

    async def test_is_unknown_once_it_is_destroyed(self, house: House, services: LocalServices) -> None:
        house.deploy("one")
        await ask(services)

        house.record({})

        with pytest.raises(NotFoundError):
            await ask(services)

    async def test_says_in_its_last_words_why_it_failed(self, house: House) -> None:
        house.deploy("one", body="def handler(event, context):\n    raise ValueError('no database')")

        assert house.front_now
        async with WarmService(house.front_now) as service:
            answer = await service.call(HttpRequest("GET", "/"))

        assert (answer.response.status, answer.logs) == (500, "ValueError: no database\n")

    async def test_answers_many_at_once(self, house: House, services: LocalServices) -> None:
        house.deploy("one", pause=0.2)

        processes = {pid for _, pid in await asyncio.gather(*(ask(services) for _ in range(6)))}

        assert len(processes) == 3


class TestFunction:
    async def test_that_does_not_start_is_the_clouds_error_and_in_the_log(
        self, house: House, services: LocalServices
    ) -> None:
        house.deploy("one", body="raise ValueError('no database')")

        answer = await services.call(STACK, HttpRequest("GET", "/"))

        assert (answer.response.status, b"database" in answer.response.body) == (500, False)
        assert "no database" in printed(house)[0]

    async def test_that_is_late_is_not_waited_for_and_not_ended(self, house: House, services: LocalServices) -> None:
        house.deploy("one", pause=1, longest_s=0.3)

        answer = await services.call(STACK, HttpRequest("GET", "/"))

        assert (answer.response.status, printed(house)) == (503, [])
        assert await anything(lambda: printed(house)) == ["asked"]

    async def test_leaves_what_it_printed(self, house: House, services: LocalServices) -> None:
        house.deploy("one")
        await ask(services)

        assert printed(house) == ["asked"]

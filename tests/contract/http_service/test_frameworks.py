"""The examples of docs/frameworks.md answer, each on one cloud, and of each way into a framework some on either.

End-to-end tests deploy those of FastAPI, Flask and Express to both clouds by the command line.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from tests.contract.http_service.deployments import FRONTENDS
from tests.contract.http_service.differences import allowed
from tests.documented_examples import read_component, write_example
from tests.example_packages import example_variables, npm_variables
from tests.node_packages import build_or_skip

PYTHON = "python{}.{}".format(*sys.version_info[:2])
CLIENT = "203.0.113.7"
JSON = (("content-type", "application/json"),)
EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "Starlette": {},
    "Django": {},
    "Django by WSGI": {"app": "project.wsgi:application"},
    "Fastify": {"lock": "package-lock.json"},
    "Koa": {"lock": "package-lock.json"},
    "NestJS": {"lock": "package-lock.json"},
    "Express": {"lock": "package-lock.json"},
    "Express with pnpm": {"lock": "pnpm-lock.yaml"},
}
PROVIDERS: Mapping[str, str] = {
    "Starlette": "aws",
    "Django": "azure_gateway",
    "Django by WSGI": "aws",
    "Fastify": "azure_gateway",
    "Koa": "aws",
    "NestJS": "azure_gateway",
    "Express": "aws",
    "Express with pnpm": "azure_gateway",
}
WITH_ADDRESS, WITH_CLIENT = ("Starlette", "Django"), ("Fastify", "Koa", "Express")
WITH_BODY = ("Fastify", "NestJS", "Express")


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let installers use the packages that were downloaded before."""
    is_node = "lock" in EXAMPLES[request.getfixturevalue("name")]
    if is_node and shutil.which("node") is None:
        pytest.skip("no node on this machine")
    for variable, value in (npm_variables() if is_node else example_variables()).items():
        monkeypatch.setenv(variable, value)


@pytest.mark.parametrize(("name", "provider"), PROVIDERS.items())
@pytest.mark.usefixtures("variables")
class TestFrameworks:
    async def test_answer_unchanged(self, tmp_path: Path, name: str, provider: str) -> None:
        title, changes = name.partition(" ")[0], EXAMPLES[name]
        folder = write_example(title, tmp_path / "source", changes.get("lock", ""))
        source = _source({**read_component(title), **changes}, folder, provider.partition("_")[0])
        artifact = await asyncio.to_thread(build_or_skip, tmp_path, source)
        frontend = FRONTENDS[provider](artifact, 29, lambda digest: PackageCache(tmp_path).unpack(artifact.path), "2.0")
        assert frontend is not None
        requests = dict(_requests(title))
        async with WarmService(_with_variables(frontend, {"DJANGO_SECRET_KEY": "x" * 50})) as warm:
            answers = {path: (await warm.call(each)).response for path, each in requests.items()}

        assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(answers, 200) | (
            {"/todos": 201} if "/todos" in answers else {}
        )
        assert json.loads(answers["/hello/Ada%20L"].body) == _expected_greeting(title, provider)
        if "/todos" in answers:
            assert json.loads(answers["/todos"].body) == {"title": "tea"}


def _requests(title: str) -> Iterator[tuple[str, HttpRequest]]:
    yield "/hello/Ada%20L", HttpRequest("GET", "/hello/Ada%20L", client=CLIENT)
    if title in WITH_BODY:
        yield "/todos", HttpRequest("POST", "/todos", headers=JSON, body=b'{"title": "tea"}')


def _expected_greeting(title: str, provider: str) -> dict[str, str]:
    greeting = {"hello": "Ada L"}
    if title in WITH_ADDRESS:
        space = " " if title == "Starlette" else "%20"  # Starlette shows the path that it decoded
        greeting["address"] = f"https://{allowed('host', provider)}/hello/Ada{space}L"
    return greeting | ({"client": CLIENT} if title in WITH_CLIENT else {})


def _source(component: Mapping[str, str], folder: Path, provider: str) -> FunctionSource:
    entry, app = component.get("entry", ""), component.get("app", "")
    return FunctionSource(folder, entry=entry, app=app, runtime=PYTHON if app else "", provider=provider)


def _with_variables(frontend: ApiFrontend, variables: Mapping[str, str]) -> ApiFrontend:
    def load_function() -> FunctionSpec:
        spec = frontend.load_function()
        return replace(spec, environment={**spec.environment, **variables})

    return replace(frontend, load_function=load_function)

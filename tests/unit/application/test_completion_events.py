"""Which settled resources become events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.deployment.completion_events import completion_event
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import SettledResource, Work
from semantest_iac_events.infrastructure import FunctionDeployed, HttpApiDeployed, WebSocketApiDeployed

STACK = Stack("rest-api", "aws", "development", "us-east-1")
FUNCTION = {"name": "f", "arn": "arn:f", "version": 3, "runtime": "python3.13", "memory_mb": 512}
API = {"name": "a", "id": "a1", "endpoint": "https://a.example.com", "routes": ["GET /health"]}


@pytest.fixture
def work() -> Work:
    artifact = Artifact("sha", Path("sha.zip"), "app.handler", "python3.13", 10)
    return Work("d1", Blueprint(STACK, 1, (), {}), artifact)


def settled(kind: str, outputs: dict[str, Any]) -> SettledResource:
    return SettledResource(kind, outputs)


class TestCompletionEvent:
    def test_tells_of_functions_with_what_they_run(self, work: Work) -> None:
        event = completion_event(settled("semantest:compute:ServerlessFunction", FUNCTION), work)

        assert isinstance(event, FunctionDeployed)
        assert (event.function_name, event.version, event.artifact_digest) == ("f", "3", "sha")

    def test_tells_of_apis_with_their_routes(self, work: Work) -> None:
        event = completion_event(settled("semantest:networking:HttpApi", API), work)

        assert isinstance(event, HttpApiDeployed)
        assert (event.api_id, event.routes, event.deployment_id) == ("a1", ("GET /health",), "d1")

    @pytest.mark.parametrize("kind", ["semantest:monitoring:Alarm", "aws:lambda/function:Function", ""])
    def test_is_none_for_everything_else(self, work: Work, kind: str) -> None:
        assert completion_event(settled(kind, {}), work) is None

    def test_tells_of_websockets_with_their_routes(self, work: Work) -> None:
        api = {**API, "endpoint": "wss://a.example.com/live", "routes": ["$connect", "$default"]}

        event = completion_event(settled("semantest:networking:WebSocketEndpoint", api), work)

        assert isinstance(event, WebSocketApiDeployed)
        assert (event.endpoint, event.routes) == ("wss://a.example.com/live", ("$connect", "$default"))

    def test_names_the_package_of_a_function_that_has_its_own(self, work: Work) -> None:
        outputs = {**FUNCTION, "digest": "own"}

        event = completion_event(settled("semantest:compute:ServerlessFunction", outputs), work)

        assert isinstance(event, FunctionDeployed)
        assert event.artifact_digest == "own"

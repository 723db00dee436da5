"""Which settled resources everybody hears of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from semantest_iac.domain.deployment.events import build_code_events, build_completion_event
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import event_identity
from semantest_iac_events.infrastructure import FunctionDeployed, HttpApiDeployed, WebSocketApiDeployed

ABOUT = event_identity("d1", Stack("rest-api", "aws", "development", "us-east-1"))
FUNCTION = {"name": "f", "arn": "arn:f", "version": 3, "runtime": "python3.13", "memory_mb": 512}
API = {"name": "a", "id": "a1", "endpoint": "https://a.example.com", "routes": ["GET /health"]}


class TestAnnouncement:
    def test_tells_of_functions_with_what_they_run(self) -> None:
        event = build_completion_event("semantest:compute:ServerlessFunction", FUNCTION, ABOUT, "sha")

        assert isinstance(event, FunctionDeployed)
        assert (event.function_name, event.version, event.artifact_digest) == ("f", "3", "sha")

    def test_tells_of_apis_with_their_routes(self) -> None:
        event = build_completion_event("semantest:networking:HttpApi", API, ABOUT, "sha")

        assert isinstance(event, HttpApiDeployed)
        assert (event.api_id, event.routes, event.deployment_id) == ("a1", ("GET /health",), "d1")

    @pytest.mark.parametrize("kind", ["semantest:monitoring:Alarm", "aws:lambda/function:Function", ""])
    def test_keeps_quiet_about_everything_else(self, kind: str) -> None:
        assert build_completion_event(kind, {}, ABOUT, "sha") is None

    def test_tells_of_websockets_with_their_routes(self) -> None:
        api = {**API, "endpoint": "wss://a.example.com/live", "routes": ["$connect", "$default"]}

        event = build_completion_event("semantest:networking:WebSocketEndpoint", api, ABOUT, "sha")

        assert isinstance(event, WebSocketApiDeployed)
        assert (event.endpoint, event.routes) == ("wss://a.example.com/live", ("$connect", "$default"))

    def test_tells_of_the_package_that_a_function_runs_where_it_is_its_own(self) -> None:
        event = build_completion_event(
            "semantest:compute:ServerlessFunction", {**FUNCTION, "digest": "own"}, ABOUT, "sha"
        )

        assert isinstance(event, FunctionDeployed)
        assert event.artifact_digest == "own"


class TestAnnouncementsOfCode:
    def test_wait_until_the_code_is_there(self) -> None:
        waiting = {**FUNCTION, "takes_code": True}

        kind = "semantest:compute:ServerlessFunction"
        assert build_completion_event(kind, waiting, ABOUT, "sha", lacks_code=True) is None
        assert build_completion_event(kind, waiting, ABOUT, "sha") is not None
        assert build_completion_event(kind, FUNCTION, ABOUT, "sha", lacks_code=True) is not None

    def test_are_made_for_those_that_waited(self) -> None:
        kinds: list[tuple[str, Mapping[str, Any]]] = [
            ("semantest:compute:ServerlessFunction", {**FUNCTION, "takes_code": True}),
            ("semantest:networking:HttpApi", API),
            ("semantest:monitoring:Alarm", {"takes_code": True}),
        ]

        assert [type(event) for event in build_code_events(kinds, ABOUT, "sha")] == [FunctionDeployed]

from __future__ import annotations

from dataclasses import replace

import pytest

from semantest_iac.domain.deployment.deployment_service import verify_service
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.errors import VerificationError
from semantest_iac.domain.ports.service_probe import WebSocketConversation
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe

REST = Stack("rest-api", "aws", "development", "us-east-1")
WEBSOCKET = Stack("websocket", "aws", "development", "us-east-1")
OURS = resolve_component(DeploymentConfiguration(), "websocket", "development")
OWN = replace(OURS, source="chat", handler="app.handler")


@pytest.fixture
def probe() -> FakeServiceProbe:
    return FakeServiceProbe(ControlPoints())


class TestWithoutService:
    async def test_is_not_called(self, probe: FakeServiceProbe) -> None:
        probe.answers = [500]

        assert await verify_service(probe, replace(REST, component="account"), OURS) is None


class TestHttp:
    async def test_returns_the_answer_of_the_service(self, probe: FakeServiceProbe) -> None:
        health = await verify_service(probe, REST, OURS)

        assert health is not None
        assert (health.status, health.path, health.body) == (200, "/health", "GET /health")

    @pytest.mark.parametrize("status", [302, 404, 500])
    async def test_raises_for_other_answers(self, probe: FakeServiceProbe, status: int) -> None:
        probe.answers = [status]

        with pytest.raises(VerificationError, match=f"GET /health answered {status}"):
            await verify_service(probe, REST, OURS)

    @pytest.mark.parametrize(
        ("logs", "words"),
        [
            ("", "nothing in the log"),
            ("starting\nNo module named x\n\n", "No module named x"),
            ("x" * 501, "(501 characters)"),
        ],
        ids=["silent", "last-line", "too-long-to-keep"],
    )
    async def test_quotes_the_last_log_line_of_the_function(
        self, probe: FakeServiceProbe, logs: str, words: str
    ) -> None:
        probe.answers, probe.logs = [500], logs

        with pytest.raises(VerificationError) as caught:
            await verify_service(probe, REST, OURS)
        assert caught.value.hint == f"Last line of the function's log: {words}"


class TestWebSocket:
    async def test_returns_the_last_message(self, probe: FakeServiceProbe) -> None:
        health = await verify_service(probe, WEBSOCKET, OURS)

        assert health is not None
        assert (health.path, health.status, health.body) == ("$connect", 101, '{"type": "heartbeat"}')

    @pytest.mark.parametrize(
        ("conversation", "reason"),
        [
            (WebSocketConversation(403), "a connection ended with 403"),
            (WebSocketConversation(401), "a connection ended with 401"),
            (WebSocketConversation(500, ("half",)), "a connection ended with 500"),
            (WebSocketConversation(101), "a heartbeat was not answered"),
            (WebSocketConversation(101, ("", "")), "a heartbeat was not answered"),
        ],
        ids=["forbidden", "unauthorized", "failed", "silent", "closed"],
    )
    async def test_raises_otherwise(
        self, probe: FakeServiceProbe, conversation: WebSocketConversation, reason: str
    ) -> None:
        probe.conversation = conversation

        with pytest.raises(VerificationError, match=reason):
            await verify_service(probe, WEBSOCKET, OURS)

    async def test_accepts_the_request_for_an_unknown_token(self, probe: FakeServiceProbe) -> None:
        probe.conversation = WebSocketConversation(401, note="no token here")

        health = await verify_service(probe, WEBSOCKET, OURS)

        assert health is not None
        assert health.body == "no token here"

    async def test_accepts_a_silent_service_with_its_own_source(self, probe: FakeServiceProbe) -> None:
        probe.conversation = WebSocketConversation(101)

        health = await verify_service(probe, WEBSOCKET, OWN)

        assert health is not None
        assert (health.status, health.body) == (101, "")

    async def test_requires_that_it_takes_the_messages(self, probe: FakeServiceProbe) -> None:
        probe.conversation = WebSocketConversation(500)

        with pytest.raises(VerificationError, match="a connection ended with 500"):
            await verify_service(probe, WEBSOCKET, OWN)

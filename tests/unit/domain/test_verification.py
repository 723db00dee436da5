from __future__ import annotations

from dataclasses import replace

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.verification import ServiceVerifier
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.settings import ComponentSettings, HealthSettings
from semantest_iac.domain.errors import NotFoundError, UnreachableServiceError, VerificationError
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.domain.ports.service_probe import AnswerOrigin, WebSocketConversation
from semantest_iac_events.values import HealthAnswer
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe
from tests.fakes.timer import FakeTimer

REST = Stack("rest-api", "aws", "development", "us-east-1")
WEBSOCKET = Stack("websocket", "aws", "development", "us-east-1")
BUNDLED = resolve_component(DeploymentConfiguration(), "rest-api", "development")
OWN = replace(BUNDLED, source="chat", handler="app.handler")
CHAT = resolve_component(DeploymentConfiguration(), "websocket", "development")
OWN_CHAT = replace(CHAT, source="chat", handler="app.handler")
FUNCTION, PLATFORM, UNKNOWN = AnswerOrigin.FUNCTION, AnswerOrigin.PLATFORM, AnswerOrigin.UNKNOWN


class Check:
    """One verification with everything that it touches."""

    def __init__(self) -> None:
        self.probe = FakeServiceProbe(ControlPoints())
        self.timer = FakeTimer()
        self.progress: list[ResourceProgress] = []

    async def run(self, stack: Stack, settings: ComponentSettings, timeout_s: float = 120.0) -> HealthAnswer | None:
        return await ServiceVerifier(self.probe, self.timer, timeout_s).verify(stack, settings, self.progress.append)


@pytest.fixture
def check() -> Check:
    return Check()


class TestWithoutCheck:
    async def test_a_stack_without_a_service_is_not_called(self, check: Check) -> None:
        check.probe.answers = [500]

        account = replace(BUNDLED, component="account", type="account")

        assert await check.run(replace(REST, component="account"), account) is None

    @pytest.mark.parametrize("stack", [REST, WEBSOCKET], ids=["http", "websocket"])
    async def test_neither_is_one_that_turns_it_off(self, check: Check, stack: Stack) -> None:
        check.probe.answers = [500]

        assert await check.run(stack, replace(OWN, health=HealthSettings(enabled=False))) is None
        assert check.probe.answers == [500]


class TestPath:
    async def test_is_asked_below_the_base_path_unless_it_is_configured(self, check: Check) -> None:
        check.probe.answers = [200, 200]
        verifier = ServiceVerifier(check.probe, check.timer)

        default = await verifier.verify(REST, OWN, check.progress.append, "/api")
        own = await verifier.verify(
            REST, replace(OWN, health=HealthSettings(path="/status")), check.progress.append, "/api"
        )

        assert (default and default.path, own and own.path) == ("/api/health", "/status")


class TestBundledService:
    async def test_must_answer_200(self, check: Check) -> None:
        health = await check.run(REST, BUNDLED)

        assert health is not None
        assert (health.status, health.path, health.body) == (200, "/health", "GET /health")

    @pytest.mark.parametrize("status", [204, 302, 401])
    async def test_fails_at_once_with_an_answer_that_stays(self, check: Check, status: int) -> None:
        check.probe.answers, check.probe.origin = [status], FUNCTION

        with pytest.raises(VerificationError, match=f"GET /health answered {status}"):
            await check.run(REST, BUNDLED)
        assert check.timer.pauses == []


class TestOwnService:
    @pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 429])
    async def test_is_healthy_if_its_code_answers(self, check: Check, status: int) -> None:
        check.probe.answers, check.probe.origin = [status], FUNCTION

        health = await check.run(REST, OWN)

        assert health is not None
        assert (health.status, check.timer.pauses) == (status, [])

    @pytest.mark.parametrize("origin", [PLATFORM, UNKNOWN])
    @pytest.mark.parametrize("status", [403, 404, 429, 500, 502, 503])
    async def test_is_asked_again_if_the_platform_answers(
        self, check: Check, status: int, origin: AnswerOrigin
    ) -> None:
        check.probe.answers, check.probe.origin = [status] * 99, origin

        with pytest.raises(VerificationError, match=rf"GET /health answered {status} \(\d+ tries in 120 s\)"):
            await check.run(REST, OWN)

    @pytest.mark.parametrize("origin", [PLATFORM, FUNCTION])
    async def test_is_not_healthy_with_a_server_error(self, check: Check, origin: AnswerOrigin) -> None:
        check.probe.answers, check.probe.origin = [500] * 99, origin

        with pytest.raises(VerificationError, match="answered 500"):
            await check.run(REST, OWN)


class TestConfiguredAnswer:
    @pytest.mark.parametrize(
        ("health", "status", "path"),
        [
            (HealthSettings(path="/up"), 204, "/up"),
            (HealthSettings(path="/up", status=301), 301, "/up"),
            (HealthSettings(status=401), 401, "/health"),
            (HealthSettings(status=404), 404, "/health"),
            (HealthSettings(status=503), 503, "/health"),
        ],
    )
    async def test_is_healthy(self, check: Check, health: HealthSettings, status: int, path: str) -> None:
        check.probe.answers, check.probe.origin = [status], FUNCTION

        answer = await check.run(REST, replace(OWN, health=health))

        assert answer is not None
        assert (answer.status, answer.path) == (status, path)

    @pytest.mark.parametrize(
        ("health", "status", "origin"),
        [
            (HealthSettings(path="/up"), 404, FUNCTION),
            (HealthSettings(path="/up"), 301, FUNCTION),
            (HealthSettings(status=401), 200, FUNCTION),
            (HealthSettings(status=404), 404, PLATFORM),
            (HealthSettings(status=503), 503, PLATFORM),
        ],
    )
    async def test_is_missing(self, check: Check, health: HealthSettings, status: int, origin: AnswerOrigin) -> None:
        check.probe.answers, check.probe.origin = [status] * 99, origin

        with pytest.raises(VerificationError):
            await check.run(REST, replace(OWN, health=health))


class TestTries:
    @pytest.mark.parametrize("status", [403, 404, 429, 500, 502, 503, 504])
    async def test_a_passing_answer_is_asked_again(self, check: Check, status: int) -> None:
        check.probe.answers = [status, status, status]

        assert await check.run(REST, BUNDLED) is not None
        assert check.timer.pauses == [0.5, 1, 2]

    async def test_so_is_a_service_that_cannot_be_reached(self, check: Check) -> None:
        check.probe.points.fail("call", UnreachableServiceError("Cannot reach 'x': name not known."))

        assert await check.run(REST, BUNDLED) is not None
        assert "GET /health: Cannot reach 'x': name not known, try 2" in [tick.name for tick in check.progress]

    async def test_another_error_is_not(self, check: Check) -> None:
        check.probe.points.fail("call", NotFoundError("Cannot call it."))

        with pytest.raises(NotFoundError):
            await check.run(REST, BUNDLED)
        assert [tick.state for tick in check.progress] == ["running", "failed"]

    async def test_pauses_grow_and_the_last_try_is_at_the_deadline(self, check: Check) -> None:
        check.probe.answers = [503] * 99

        with pytest.raises(VerificationError):
            await check.run(REST, BUNDLED, timeout_s=60)
        assert check.timer.pauses == [0.5, 1, 2, 4, 8, 15, 15, 14.5]
        assert sum(check.timer.pauses) == 60

    async def test_the_configured_time_counts(self, check: Check) -> None:
        check.probe.answers = [503] * 99

        with pytest.raises(VerificationError, match="in 5 s"):
            await check.run(REST, replace(BUNDLED, health=HealthSettings(timeout_s=5)), timeout_s=60)

    async def test_are_one_step_that_says_the_last_answer(self, check: Check) -> None:
        check.probe.answers = [404]

        await check.run(REST, BUNDLED)

        assert [(tick.op, tick.state, tick.name) for tick in check.progress] == [
            ("check", "running", "GET /health"),
            ("check", "running", "GET /health: 404, try 2"),
            ("check", "done", "GET /health: 200"),
        ]
        assert len({tick.urn for tick in check.progress}) == 1

    async def test_without_a_timer_there_is_one(self, check: Check) -> None:
        check.probe.answers = [503]

        with pytest.raises(VerificationError):
            await ServiceVerifier(check.probe).verify(REST, BUNDLED, check.progress.append)


class TestHint:
    @pytest.mark.parametrize(
        ("logs", "words"),
        [
            ("starting\nNo module named x\n\n", "Last line of the function's log: No module named x. "),
            ("x" * 501, "Last line of the function's log: (501 characters). "),
            ("", ""),
        ],
        ids=["last-line", "too-long-to-keep", "silent"],
    )
    async def test_quotes_the_log_and_names_the_key(self, check: Check, logs: str, words: str) -> None:
        check.probe.answers, check.probe.logs = [302], logs

        with pytest.raises(VerificationError) as caught:
            await check.run(REST, BUNDLED)
        assert caught.value.hint.startswith(f"{words}Set components.rest-api.health.path")
        assert "components.rest-api.health=none" in caught.value.hint

    async def test_repeats_how_the_call_was_run(self, check: Check) -> None:
        check.probe.answers, check.probe.notes = [302], ("Node 24 is not on this machine.",)

        with pytest.raises(VerificationError) as caught:
            await check.run(REST, BUNDLED)
        assert caught.value.hint.startswith("Node 24 is not on this machine. Set components.rest-api.health.path")


class TestWebSocket:
    async def test_returns_the_last_message(self, check: Check) -> None:
        health = await check.run(WEBSOCKET, CHAT)

        assert health is not None
        assert (health.path, health.status, health.body) == ("$connect", 101, '{"type": "heartbeat"}')

    @pytest.mark.parametrize(
        ("conversation", "reason"),
        [
            (WebSocketConversation(403), "a connection ended with 403"),
            (WebSocketConversation(401), "a connection ended with 401"),
            (WebSocketConversation(401, origin=FUNCTION), "a connection ended with 401"),
            (WebSocketConversation(500, ("half",)), "a connection ended with 500"),
            (WebSocketConversation(101), "a heartbeat was not answered"),
            (WebSocketConversation(101, ("", "")), "a heartbeat was not answered"),
        ],
        ids=["forbidden", "unauthorized", "refused", "failed", "silent", "closed"],
    )
    async def test_raises_otherwise(self, check: Check, conversation: WebSocketConversation, reason: str) -> None:
        check.probe.conversation = conversation

        with pytest.raises(VerificationError, match=reason) as caught:
            await check.run(WEBSOCKET, CHAT)
        assert "components.websocket.health=none" in caught.value.hint

    async def test_accepts_the_request_for_an_unknown_token(self, check: Check) -> None:
        check.probe.conversation = WebSocketConversation(401, note="no token here")

        health = await check.run(WEBSOCKET, CHAT)

        assert health is not None
        assert health.body == "no token here"

    @pytest.mark.parametrize("status", [101, 401, 403])
    async def test_accepts_what_the_own_code_of_a_service_decides(self, check: Check, status: int) -> None:
        check.probe.conversation = WebSocketConversation(status, origin=FUNCTION)

        health = await check.run(WEBSOCKET, OWN_CHAT)

        assert health is not None
        assert (health.status, health.body) == (status, "")

    @pytest.mark.parametrize(
        "conversation", [WebSocketConversation(500, origin=FUNCTION), WebSocketConversation(403, origin=PLATFORM)]
    )
    async def test_requires_that_it_takes_the_messages(self, check: Check, conversation: WebSocketConversation) -> None:
        check.probe.conversation = conversation

        with pytest.raises(VerificationError, match="a connection ended with"):
            await check.run(WEBSOCKET, OWN_CHAT)
        assert sum(check.timer.pauses) == 120

"""Checks whether a deployed service is healthy, again and again until a deadline.

A new service is not reachable at once: names, routes and permissions take seconds to minutes to spread in a cloud.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from semantest_iac.domain.compute.failure_advice import advise_on_failure
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import UnreachableServiceError, VerificationError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.provisioner import ReportProgress, step_progress
from semantest_iac.domain.ports.service_probe import AnswerOrigin, ServiceProbe
from semantest_iac.domain.ports.timer import Timer
from semantest_iac_events.values import HealthAnswer

REAL_HEALTH_TIMEOUT_S = 120.0
SIMULATED_HEALTH_TIMEOUT_S = 2.0  # a simulated cloud answers at once
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0

HELLO_MESSAGE, HEARTBEAT_MESSAGE = {"type": "authenticate", "clientType": "cli"}, {"type": "heartbeat"}
CONNECTION_ACCEPTED, CONNECTION_UNAUTHORIZED = 101, 401
_TRANSIENT_STATUSES = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS})
_LONGEST_BODY, _LONGEST_LOG_LINE = 2000, 500  # characters that an event keeps


@dataclass(frozen=True, slots=True)
class HealthTry:
    """The outcome of asking once: `answer` if there was one, `problem` if the service is not healthy.

    `may_change` says whether asking again may help, `notes` how the call was run.
    """

    answer: HealthAnswer | None = None
    problem: str = ""
    logs: str = ""
    may_change: bool = False
    notes: tuple[str, ...] = ()


class ServiceVerifier:
    """Asks a service with growing pauses until it is healthy or a deadline has passed.

    `timeout_s` counts where the configuration names no other; the last try is made at the deadline. Without a timer it
    asks once.
    """

    def __init__(
        self, probe: ServiceProbe, timer: Timer | None = None, timeout_s: float = REAL_HEALTH_TIMEOUT_S
    ) -> None:
        self._probe = probe
        self._timer = timer
        self._timeout_s = timeout_s

    async def verify(
        self, stack: Stack, settings: ComponentSettings, progress: ReportProgress, base_path: str = ""
    ) -> HealthAnswer | None:
        """Return the service's health, None if there is no service or no check; `progress` gets every try.

        The default path is asked below `base_path`; a configured one is asked as it is.
        Raises VerificationError if the service is not healthy at the deadline.
        """
        if not settings.answers_requests or not settings.health.enabled or settings.health_path is None:
            return None
        path = settings.health.path or f"{base_path}{settings.health_path}"
        is_web_socket = settings.type == "websocket"
        ask = _ask_web_socket if is_web_socket else partial(_ask_http, path=path)
        request = "$connect" if is_web_socket else f"GET {path}"
        series = _TrySeries(self._timer, progress, request)
        timeout_s = self._timeout_s if settings.health.timeout_s is None else float(settings.health.timeout_s)
        last = await series.run(lambda: ask(self._probe, stack, settings), timeout_s)
        if not last.problem:
            return last.answer
        raise _verification_error(stack, settings, last, series)


class _TrySeries:
    """Asks until an answer is final or the time is over; reports one step with the last answer and the next try."""

    def __init__(self, timer: Timer | None, progress: ReportProgress, request: str) -> None:
        self.tries = 0
        self.seconds = 0.0
        self._timer = timer
        self._progress = progress
        self._request = request

    async def run(self, ask: Callable[[], Awaitable[HealthTry]], timeout_s: float) -> HealthTry:
        began, state, name = self._now(), "failed", self._request
        self._report("running", name)
        try:
            last = await self._try_until(ask, began, timeout_s)
            name = f"{self._request}: {_status_of(last)}"
            state = "failed" if last.problem else "done"
        finally:
            self._report(state, name, self._now() - began)
        return last

    async def _try_until(self, ask: Callable[[], Awaitable[HealthTry]], began: float, timeout_s: float) -> HealthTry:
        pause = FIRST_PAUSE_S
        while True:
            last = await self._try_once(ask)
            self.seconds = self._now() - began
            left = timeout_s - self.seconds
            if not last.may_change or left <= 0 or self._timer is None:
                return last
            self._report("running", f"{self._request}: {_status_of(last)}, try {self.tries + 1}", self.seconds)
            await self._timer.pause(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _try_once(self, ask: Callable[[], Awaitable[HealthTry]]) -> HealthTry:
        self.tries += 1
        try:
            return await ask()
        except UnreachableServiceError as error:
            return HealthTry(problem=error.message.rstrip("."), may_change=True)

    def _now(self) -> float:
        return self._timer.read() if self._timer else 0.0

    def _report(self, state: str, name: str, seconds: float = 0.0) -> None:
        self._progress(step_progress("check", name, state, seconds))


def _status_of(last: HealthTry) -> str:
    return str(last.answer.status) if last.answer else last.problem


async def _ask_http(probe: ServiceProbe, stack: Stack, settings: ComponentSettings, path: str) -> HealthTry:
    """Ask the health path.

    A service with its own source that configures neither path nor status is healthy if its own code answers with
    anything but a server error.
    """
    answer = await probe.call(stack, HttpRequest("GET", path))
    status, body = answer.response.status, answer.response.body.decode(errors="replace")
    health = HealthAnswer(path=path, status=status, body=_omit_if_long(body, _LONGEST_BODY))
    if _is_expected(status, answer.origin, settings):
        return HealthTry(health)
    log = f"{answer.logs}\n{answer.last_message}"
    return HealthTry(health, f"GET {path} answered {status}", log, _is_transient(status), answer.notes)


def _is_expected(status: int, origin: AnswerOrigin, settings: ComponentSettings) -> bool:
    """Whether the answer shows that the service is healthy.

    What a platform may answer for any new service never does, even with the configured status.
    """
    if origin is not AnswerOrigin.FUNCTION and _is_transient(status):
        return origin is AnswerOrigin.UNKNOWN and status == settings.health.status
    if settings.health.status is not None:
        return status == settings.health.status
    if settings.source and settings.health.path is None:
        return origin is not AnswerOrigin.PLATFORM and status < HTTPStatus.INTERNAL_SERVER_ERROR
    return 200 <= status < 300 if settings.source else status == HTTPStatus.OK


def _is_transient(status: int) -> bool:
    return status in _TRANSIENT_STATUSES or status >= 500


async def _ask_web_socket(probe: ServiceProbe, stack: Stack, settings: ComponentSettings) -> HealthTry:
    """Require that a client is admitted and a heartbeat answered.

    A service with its own source may speak another protocol: it must accept the messages and may stay silent, and its
    own code may refuse the client. Where the probe has no token, the request for one counts as healthy.
    """
    conversation = await probe.converse(stack, [json.dumps(message) for message in (HELLO_MESSAGE, HEARTBEAT_MESSAGE)])
    status, last = conversation.status, conversation.received[-1] if conversation.received else ""
    log = f"{conversation.logs}\n{conversation.last_message}"
    answer = HealthAnswer(path="$connect", status=status, body=_omit_if_long(last, _LONGEST_BODY))
    if status == CONNECTION_UNAUTHORIZED and conversation.note:
        return HealthTry(answer.model_copy(update={"body": conversation.note}))
    if status != CONNECTION_ACCEPTED:
        if settings.source and status < 500 and conversation.origin is AnswerOrigin.FUNCTION:
            return HealthTry(answer)
        problem = f"a connection ended with {status}"
        return HealthTry(answer, problem, log, may_change=_is_transient(status))
    if not any(conversation.received) and not settings.source:
        return HealthTry(answer, "a heartbeat was not answered", log, may_change=True)
    return HealthTry(answer)


def _verification_error(
    stack: Stack, settings: ComponentSettings, last: HealthTry, series: _TrySeries
) -> VerificationError:
    tries = f" ({series.tries} tries in {series.seconds:.0f} s)" if series.tries > 1 else ""
    words = last.logs.strip().splitlines()[-1:]
    advice = advise_on_failure(last.logs)
    said = f"Last line of the function's log: {_omit_if_long(words[0], _LONGEST_LOG_LINE)}." if words else ""
    key = f"components.{stack.component}.health"
    if settings.type == "websocket":
        change = f"Set {key}.timeout_s to wait longer, or {key}=none to deploy without this check."
    else:
        change = f"Set {key}.path, .status or .timeout_s to what the service does, or {key}=none for no check."
    hint = " ".join(filter(None, (said, advice, *last.notes, change)))
    return VerificationError(f"Cannot verify '{stack}': {last.problem}{tries}.", hint=hint)


def _omit_if_long(text: str, longest: int) -> str:
    """Return the text whole or not at all: redaction would not recognise half of a secret."""
    return text if len(text) <= longest else f"({len(text)} characters)"

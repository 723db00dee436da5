"""Whether what was deployed works: asked as a client would ask it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from semantest_iac.domain.blueprints.rest_api import HEALTH
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import VerificationError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import ServiceProbe
from semantest_iac_events.values import HealthAnswer

HEALTH_PATH = HEALTH.path
HELLO, HEARTBEAT = {"type": "authenticate", "clientType": "cli"}, {"type": "heartbeat"}
ADMITTED, UNAUTHORIZED = 101, 401
_LONGEST_BODY, _LONGEST_WORDS = 2000, 500  # characters that an event keeps


async def verified(probe: ServiceProbe, stack: Stack, settings: ComponentSettings) -> HealthAnswer | None:
    """What the service answered, None where nothing does; raises VerificationError unless that is a sign of health."""
    if not stack.is_service:
        return None
    return await _CHECKS.get(stack.component, _http)(probe, stack, bool(settings.source))


async def _http(probe: ServiceProbe, stack: Stack, is_own: bool) -> HealthAnswer:
    """The health path answers 2xx."""
    answer = await probe.call(stack, HttpRequest("GET", HEALTH_PATH))
    body = answer.response.body.decode(errors="replace")
    health = HealthAnswer(path=HEALTH_PATH, status=answer.response.status, body=_kept(body, _LONGEST_BODY))
    if not 200 <= health.status < 300:
        raise _failure(stack, f"GET {HEALTH_PATH} answered {health.status}", answer.logs)
    return health


async def _web_socket(probe: ServiceProbe, stack: Stack, is_own: bool) -> HealthAnswer:
    """A client is let in, and a heartbeat answered; where tokens are out of reach, that one is asked for.

    A service of the person's own may speak another protocol: it has to take the messages, and to say nothing.
    """
    conversation = await probe.converse(stack, [json.dumps(message) for message in (HELLO, HEARTBEAT)])
    status, note = conversation.status, conversation.note
    if status == UNAUTHORIZED and note:
        return HealthAnswer(path="$connect", status=status, body=note)
    if status != ADMITTED:
        raise _failure(stack, f"a connection ended with {status}", conversation.logs)
    if not any(conversation.heard) and not is_own:
        raise _failure(stack, "a heartbeat was not answered", conversation.logs)
    last = conversation.heard[-1] if conversation.heard else ""
    return HealthAnswer(path="$connect", status=status, body=_kept(last, _LONGEST_BODY))


_CHECKS: Mapping[str, Callable[[ServiceProbe, Stack, bool], Awaitable[HealthAnswer]]] = {"websocket": _web_socket}


def _failure(stack: Stack, what: str, logs: str) -> VerificationError:
    last_words = logs.strip().splitlines()[-1:] or ["nothing in the log"]
    hint = f"The function's last words: {_kept(last_words[0], _LONGEST_WORDS)}"
    return VerificationError(f"Cannot verify '{stack}': {what}.", hint=hint)


def _kept(text: str, longest: int) -> str:
    """Whole or not at all: of a secret that was cut in two, nobody would know the half."""
    return text if len(text) <= longest else f"({len(text)} characters)"

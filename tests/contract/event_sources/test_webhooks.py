"""Webhooks as a source of events, with a sender that tries again until it is answered with 202."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from semantest_iac.application.ports.event_transports import EventSource
from semantest_iac.domain.environments.event_sections import SignatureScheme
from tests.brokers import find_free_port
from tests.contract.event_sources.broker_hooks import ODD_BODIES
from tests.contract.event_sources.event_source_contract import NAME, EventSourceContract, Sent
from tests.fakes.seen_messages import FakeSeenMessages
from tests.webhooks import SIGN, Webhook, make_webhook_source, send

_PAUSE_S = 0.05


@dataclass
class WebhookHooks:
    """Sources that share an address, and a sender that sends one message after the other."""

    scheme: SignatureScheme
    redelivers: bool = True
    keeps: bool = True
    carries_headers: bool = True
    attribute_prefix: str = "ce-"
    numbers_messages: bool = True
    bodies: Sequence[bytes] = ODD_BODIES
    port: int = field(default_factory=find_free_port)
    seen: FakeSeenMessages = field(default_factory=FakeSeenMessages)
    sent: int = 0
    senders: list[asyncio.Task[None]] = field(default_factory=list)

    def open_source(self) -> EventSource:
        return make_webhook_source(self.scheme, seen=self.seen, port=self.port, name=NAME)

    async def send(self, messages: Sequence[Sent]) -> None:
        self.senders.append(asyncio.create_task(self._send_all(messages)))

    async def _send_all(self, messages: Sequence[Sent]) -> None:
        for body, headers in messages:
            self.sent += 1
            webhook = SIGN[self.scheme](id_=f"message-{self.sent}", body=body)
            for name, value in headers.items():
                webhook = webhook.with_header(name, value)
            while not await self._is_accepted(webhook):  # noqa: ASYNC110 - nobody says when to try again
                await asyncio.sleep(_PAUSE_S)

    async def _is_accepted(self, webhook: Webhook) -> bool:
        with suppress(OSError, asyncio.IncompleteReadError):
            answer = await send(f"http://127.0.0.1:{self.port}/events", webhook)
            assert answer.status in (202, 503), answer
            return answer.status == 202
        return False


@pytest.fixture(params=SIGN)
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[WebhookHooks]:
    hooks = WebhookHooks(request.param)
    yield hooks
    for sender in hooks.senders:
        sender.cancel()
    await asyncio.gather(*hooks.senders, return_exceptions=True)


class TestWebhookSource(EventSourceContract):
    """Every guarantee, with each way to sign."""

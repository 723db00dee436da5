"""The hooks of brokers for the contracts of sources and targets; their servers are real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from semantest_iac.application.ports.event_transports import EventSource, EventTarget
from semantest_iac.infrastructure.transports.brokers.connections import BrokerTiming
from tests.broker_clients import BrokerClient, Sent
from tests.contract.event_sources.event_source_contract import NAME

TIMING = BrokerTiming(
    answer=2.0,
    idle_check=0.5,
    fetch=0.2,
    lease=1.5,
    reconnect_pauses=(0.05, 0.5),
    redelivery_pauses=(0.1, 0.4),
)
"""Short, so that nothing is waited for long; what is waited for may take longer on a busy machine."""
_PACKAGE = "semantest_iac.infrastructure.transports.brokers"
_MEGABYTE = bytes(range(256)) * 4096
ODD_BODIES = (b"\xff\xfe not text", b"\x00", b"", b'{"data": "text", "headers": {}}', _MEGABYTE, b"{not json")


class NoPositions:
    """The positions of sources whose server keeps them."""

    def read(self, transport: str) -> str | None:
        raise AssertionError(f"{transport} asks for a position")

    async def save(self, transport: str, position: str) -> None:
        raise AssertionError(f"{transport} saves {position}")


@dataclass
class BrokerHooks:
    """A broker in the contracts of sources and of targets."""

    client: BrokerClient
    redelivers: bool = True
    keeps: bool = True
    carries_headers: bool = True
    attribute_prefix: str = "ce-"
    numbers_messages: bool = True
    acknowledges_each: bool = True
    bodies: Sequence[bytes] = ODD_BODIES
    timing: BrokerTiming = TIMING

    def open_source(self, **changes: Any) -> EventSource:
        section = self.client.source_section.model_copy(update=changes)
        source: EventSource = self._opener("source")(NAME, section, NoPositions(), self.timing)
        return source

    def open_target(self, **changes: Any) -> EventTarget:
        section = self.client.target_section.model_copy(update=changes)
        target: EventTarget = self._opener("target")(NAME, section, self.timing)
        return target

    async def send(self, messages: Sequence[Sent]) -> None:
        await self.client.send(messages)

    def with_timing(self, **changes: Any) -> BrokerHooks:
        """Return the same with other times."""
        return replace(self, timing=replace(self.timing, **changes))

    def _opener(self, what: str) -> Any:
        module = import_module(f"{_PACKAGE}.{self.client.opener}")
        return getattr(module, f"open_{what}")

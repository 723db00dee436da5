"""Files with one event per line as a source of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from semantest_iac.application.ports.event_transports import EventSource
from semantest_iac.infrastructure.transports.files import FileSource
from tests.contract.event_sources.broker_hooks import ODD_BODIES
from tests.contract.event_sources.event_source_contract import NAME, EventSourceContract, Sent
from tests.fakes.transport_positions import MemoryTransportPositions


@dataclass
class FileHooks:
    """Sources that share a position."""

    folder: Path
    redelivers: bool = True
    keeps: bool = True
    carries_headers: bool = False
    attribute_prefix: str = "ce-"
    numbers_messages: bool = True
    bodies: Sequence[bytes] = tuple(body.replace(b"\n", b" ") for body in ODD_BODIES if body)
    positions: MemoryTransportPositions = field(default_factory=MemoryTransportPositions)

    def open_source(self) -> EventSource:
        return FileSource(NAME, self.folder, "*.jsonl", self.positions, poll_s=0.02)

    async def send(self, messages: Sequence[Sent]) -> None:
        with (self.folder / "events.jsonl").open("ab") as file:
            file.writelines(body + b"\n" for body, _ in messages)


@pytest.fixture
def transport(tmp_path: Path) -> FileHooks:
    return FileHooks(tmp_path)


class TestFileSource(EventSourceContract):
    """Every guarantee."""

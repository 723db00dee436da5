"""Files as a target: one whole line for each message, in the file of its day."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from semantest_iac.application.ports.event_transports import (
    PublishedMessage,
    TransportError,
    UnreachableTransportError,
)
from semantest_iac.domain.environments.event_sections import EventTargetSection
from semantest_iac.infrastructure.transports.files import FileSource, FileTarget, open_target
from tests.fakes.transport_positions import MemoryTransportPositions
from tests.webhooks import Receiver

_DAY = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)


def _message(number: int, body: bytes | None = None) -> PublishedMessage:
    return PublishedMessage(str(number), "x", "stack", json.dumps({"n": number}).encode() if body is None else body)


async def test_appends_lines_to_the_file_of_the_day(tmp_path: Path) -> None:
    days = iter([_DAY, _DAY, _DAY.replace(month=12, day=1)])
    target = FileTarget("log", tmp_path / "new" / "events", read_clock=lambda: next(days))
    async with target.connect() as publish:
        for number in (1, 2, 3):
            await publish(_message(number))

    files = {path.name: path.read_text() for path in (tmp_path / "new" / "events").iterdir()}
    assert files == {
        "events_2026-11-30.jsonl": '{"n": 1}\n{"n": 2}\n',
        "events_2026-12-01.jsonl": '{"n": 3}\n',
    }
    mode = (tmp_path / "new" / "events" / "events_2026-11-30.jsonl").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


async def test_has_one_line_for_json_in_several(tmp_path: Path) -> None:
    content = {"text": "a\nb\r\n", "list": [1, 2]}
    async with FileTarget("log", tmp_path, read_clock=lambda: _DAY).connect() as publish:
        await publish(_message(1, json.dumps(content, indent=2).replace("\n", "\r\n").encode()))

    [line] = (tmp_path / "events_2026-11-30.jsonl").read_text().splitlines()
    assert json.loads(line) == content


async def test_ends_what_was_cut_off_before(tmp_path: Path) -> None:
    path = tmp_path / "events_2026-11-30.jsonl"
    path.write_bytes(b'{"n": 1}\n{"n"')
    async with FileTarget("log", tmp_path, read_clock=lambda: _DAY).connect() as publish:
        await publish(_message(2))

    assert path.read_bytes() == b'{"n": 1}\n{"n"\n{"n": 2}\n'


async def test_keeps_lines_of_several_writers_whole(tmp_path: Path) -> None:
    async with FileTarget("log", tmp_path, read_clock=lambda: _DAY).connect() as publish:
        await asyncio.gather(*(publish(_message(n, b'"%d %s"' % (n, b"x" * 5000))) for n in range(60)))

    lines = (tmp_path / "events_2026-11-30.jsonl").read_bytes().splitlines()
    assert sorted(lines) == sorted(b'"%d %s"' % (n, b"x" * 5000) for n in range(60))


async def test_is_read_again_by_a_source(tmp_path: Path, positions: MemoryTransportPositions) -> None:
    receiver, stopped = Receiver(), asyncio.Event()
    source = FileSource("log", tmp_path, "*.jsonl", positions, poll_s=0.01)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(source.receive(receiver.take, stopped))
        async with FileTarget("log", tmp_path).connect() as publish:
            for number in range(100):
                await publish(_message(number))
        await receiver.wait_for(100)
        stopped.set()

    assert [json.loads(message.body)["n"] for message in receiver.taken] == list(range(100))


async def test_says_that_its_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnreachableTransportError) as caught:
        async with FileTarget("log", tmp_path / "file" / "events").connect():
            pass

    assert caught.value.reason == (
        f"Cannot publish to 'log' ({tmp_path}/file/events): there is a file where a folder should be."
    )


async def test_says_that_its_folder_is_gone_and_makes_it_again(tmp_path: Path) -> None:
    async with FileTarget("log", tmp_path / "events", read_clock=lambda: _DAY).connect() as publish:
        (tmp_path / "events").rmdir()
        await publish(_message(1))
        (tmp_path / "events" / "events_2026-11-30.jsonl").unlink()
        (tmp_path / "events" / "events_2026-11-30.jsonl").mkdir()
        with pytest.raises(UnreachableTransportError, match="a folder where a file should be"):
            await publish(_message(2))


def test_has_a_folder() -> None:
    with pytest.raises(TransportError) as caught:
        open_target("log", EventTargetSection(type="files", folder=""))

    assert [fault.path for fault in caught.value.faults] == ["event_targets.log.folder"]

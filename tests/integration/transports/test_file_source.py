"""Files as a source: each whole line once, whatever is done to the files meanwhile."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from semantest_iac.application.ports.event_transports import TransportError
from semantest_iac.domain.environments.event_sections import EventSourceSection
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.transports.files import FileSource, open_source
from semantest_iac.infrastructure.transports.line_files import FolderPosition, LineFiles
from semantest_iac.infrastructure.transports.ordered_delivery import MOST_HANDED_ON_BYTES
from tests.contract.event_sources.event_source_contract import wait_until_connected
from tests.fakes.transport_positions import MemoryTransportPositions
from tests.webhooks import Receiver

_POLL_S = 0.01


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "events"
    made.mkdir()
    return made


class Session:
    """A source at work, and what it has delivered."""

    def __init__(self, source: FileSource) -> None:
        self.source = source
        self.receiver = Receiver()

    @property
    def lines(self) -> list[bytes]:
        return [message.body for message in self.receiver.taken]

    async def expect(self, *lines: bytes | int) -> None:
        """Wait for so many lines, and compare: nothing else may have come."""
        wanted = [line if isinstance(line, bytes) else b"%d" % line for line in lines]
        await self.receiver.wait_for(len(wanted))
        assert self.lines == wanted

    async def wait_for_fault(self, text: str) -> str:
        async with asyncio.timeout(60):
            while text not in (fault := self.source.find_fault()):  # noqa: ASYNC110 - it announces itself to nobody
                await asyncio.sleep(_POLL_S)
        return fault

    async def let_it_look(self) -> None:
        """Wait until it has looked at the files a few times."""
        await asyncio.sleep(10 * _POLL_S)


@asynccontextmanager
async def _receiving(
    folder: Path, positions: MemoryTransportPositions, pattern: str = "*.jsonl", error: Exception | None = None
) -> AsyncIterator[Session]:
    session, stopped = Session(FileSource("log", folder, pattern, positions, poll_s=_POLL_S)), asyncio.Event()
    session.receiver.error = error
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        group.create_task(session.source.receive(session.receiver.take, stopped))
        try:
            yield session
        finally:
            stopped.set()


def _append(path: Path, *lines: bytes | int, end: bytes = b"\n") -> None:
    with path.open("ab") as file:
        file.write(b"\n".join(line if isinstance(line, bytes) else b"%d" % line for line in lines) + end)


class TestLines:
    async def test_are_delivered_in_the_order_of_the_names_and_as_they_are_added(
        self, folder: Path, positions: MemoryTransportPositions
    ) -> None:
        _append(folder / "events_2026-11-02.jsonl", 4, 5)
        _append(folder / "events_2026-11-01.jsonl", 1, 2, 3)
        _append(folder / "notes.txt", b"no event")
        async with _receiving(folder, positions) as session:
            await session.expect(1, 2, 3, 4, 5)
            _append(folder / "events_2026-11-02.jsonl", 6)
            await session.expect(1, 2, 3, 4, 5, 6)
            _append(folder / "events_2026-11-03.jsonl", 7)
            await session.expect(1, 2, 3, 4, 5, 6, 7)
            _append(folder / "events_2026-11-01.jsonl", 8)  # a late one of the first day
            await session.expect(1, 2, 3, 4, 5, 6, 7, 8)

        assert [message.place for message in session.receiver.taken[:4]] == [
            "events_2026-11-01.jsonl:0",
            "events_2026-11-01.jsonl:2",
            "events_2026-11-01.jsonl:4",
            "events_2026-11-02.jsonl:0",
        ]

    async def test_are_delivered_once_they_are_whole(self, folder: Path, positions: MemoryTransportPositions) -> None:
        path = folder / "a.jsonl"
        async with _receiving(folder, positions) as session:
            _append(path, 1, b'{"half"', end=b"")
            await session.expect(1)
            await session.let_it_look()
            for byte in b": true}":
                _append(path, bytes([byte]), end=b"")
            await session.let_it_look()
            assert len(session.lines) == 1
            _append(path, b"", 2)
            await session.expect(1, b'{"half": true}', 2)

    async def test_that_are_blank_are_none(self, folder: Path, positions: MemoryTransportPositions) -> None:
        _append(folder / "a.jsonl", b"", 1, b"  \r", b"", 2, b"")
        async with _receiving(folder, positions) as session:
            await session.expect(1, 2)

    async def test_that_are_too_long_are_cut_off_and_the_next_ones_follow(
        self, folder: Path, positions: MemoryTransportPositions
    ) -> None:
        path = folder / "a.jsonl"
        long, fitting = b"x" * (3 * MOST_HANDED_ON_BYTES), b"y" * (MOST_HANDED_ON_BYTES - 1)
        async with _receiving(folder, positions) as session:
            _append(path, 1, long, end=b"")
            await session.expect(1)
            await session.let_it_look()
            _append(path, long, end=b"")
            await session.let_it_look()
            _append(path, b"", 2, fitting, 3)
            await session.expect(1, long[:MOST_HANDED_ON_BYTES], 2, fitting, 3)

    async def test_are_delivered_again_before_others_until_they_are_taken(
        self, folder: Path, positions: MemoryTransportPositions
    ) -> None:
        _append(folder / "a.jsonl", 1, 2)
        async with _receiving(folder, positions, error=LedgerError("The ledger is locked.")) as session:
            fault = await session.wait_for_fault("ledger")
            session.receiver.error = None
            await session.expect(1, 2)

        assert fault == "Cannot take a message of 'log' (a.jsonl:0): The ledger is locked."


class TestFiles:
    async def test_that_are_renamed_are_the_same(self, folder: Path, positions: MemoryTransportPositions) -> None:
        """As most programs rotate their logs."""
        path = folder / "events.jsonl"
        async with _receiving(folder, positions) as session:
            expected = list[int]()
            for number in range(1, 6):
                _append(path, 10 * number, 10 * number + 1)
                expected += [10 * number, 10 * number + 1]
                await session.expect(*expected)
                rotated = path.rename(folder / f"events-{number}.jsonl")
                _append(rotated, 10 * number + 2)  # by a program that has it open
                expected.append(10 * number + 2)
                await session.expect(*expected)

    async def test_that_are_truncated_are_read_from_their_start(
        self, folder: Path, positions: MemoryTransportPositions, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = folder / "a.jsonl"
        _append(path, 1, 2, 3)
        async with _receiving(folder, positions) as session:
            await session.expect(1, 2, 3)
            path.write_bytes(b"")
            await session.let_it_look()
            _append(path, 4)
            await session.expect(1, 2, 3, 4)
            path.write_bytes(b"5\n6\n7\n8\n9\n")  # longer than before, and nobody saw it short
            await session.expect(1, 2, 3, 4, 5, 6, 7, 8, 9)

        assert "The file 'a.jsonl' of 'log'" in caplog.text

    async def test_that_replace_others_are_read_from_their_start_though_they_have_their_inode(
        self, folder: Path, positions: MemoryTransportPositions
    ) -> None:
        path, expected = folder / "a.jsonl", list[int]()
        async with _receiving(folder, positions) as session:
            for number in range(20):  # file systems give the inode of a removed file to the next one
                _append(path, *range(10 * number + 100, 10 * number + 110))
                expected += range(10 * number + 100, 10 * number + 110)
                await session.expect(*expected)
                path.unlink()

    async def test_that_are_removed_before_they_are_read_are_no_fault(
        self, folder: Path, positions: MemoryTransportPositions
    ) -> None:
        async with _receiving(folder, positions) as session:
            for number in range(50):
                _append(folder / f"{number}.jsonl", b"gone")
                (folder / f"{number}.jsonl").unlink()
                await asyncio.sleep(0)
            _append(folder / "z.jsonl", 1)
            async with asyncio.timeout(60):
                while b"1" not in session.lines:  # noqa: ASYNC110 - some of the others may have been read
                    await asyncio.sleep(_POLL_S)
            assert session.source.find_fault() == ""

    async def test_that_are_no_regular_files_are_left_alone(
        self, folder: Path, positions: MemoryTransportPositions, tmp_path: Path
    ) -> None:
        secret = tmp_path / "secret"
        secret.write_bytes(b"outside\n")
        (folder / "link.jsonl").symlink_to(secret)
        (folder / "folder.jsonl").mkdir()
        os.mkfifo(folder / "pipe.jsonl")
        (folder / ".hidden.jsonl").write_bytes(b"hidden\n")
        _append(folder / "z.jsonl", 1)
        async with _receiving(folder, positions) as session:
            await session.expect(1)
            await session.let_it_look()
            await session.expect(1)

    async def test_have_names_of_a_pattern(self, folder: Path, positions: MemoryTransportPositions) -> None:
        for name in ("events_1.jsonl", "other_1.jsonl", "EVENTS_2.jsonl", "events_3.jsonl.gz"):
            _append(folder / name, name.encode())
        async with _receiving(folder, positions, pattern="events_*.jsonl") as session:
            await session.expect(b"events_1.jsonl")


class TestRestarts:
    async def test_go_on_behind_what_was_taken(self, folder: Path, positions: MemoryTransportPositions) -> None:
        numbers = iter(range(1, 2000))
        for file in ("a", "b", "c", "b", "a"):
            added = [next(numbers) for _ in range(250)]
            _append(folder / f"{file}.jsonl", *added)
            async with _receiving(folder, positions) as session:
                await session.expect(*added)

    async def test_before_a_position_is_saved_deliver_again(
        self, folder: Path, positions: MemoryTransportPositions
    ) -> None:
        _append(folder / "a.jsonl", 1, 2)
        positions.failures = 1
        async with _receiving(folder, positions) as session:
            await session.expect(1, 2, 1, 2)

    async def test_find_files_that_were_rotated_and_truncated_meanwhile(
        self, folder: Path, positions: MemoryTransportPositions
    ) -> None:
        _append(folder / "a.jsonl", 1, 2)
        _append(folder / "b.jsonl", 3, 4)
        async with _receiving(folder, positions) as session:
            await session.expect(1, 2, 3, 4)
        _append((folder / "a.jsonl").rename(folder / "a1.jsonl"), 5)
        _append(folder / "a.jsonl", 6)
        (folder / "b.jsonl").write_bytes(b"7\n8\n9\n")
        async with _receiving(folder, positions) as session:
            await session.expect(6, 5, 7, 8, 9)

    @pytest.mark.parametrize("saved", ["", "7", "[]", '{"next": 1}', '{"files": {"1": [1]}}', '{"files": []}', "{"])
    async def test_from_the_position_of_another_source_begin_at_the_start(
        self, folder: Path, positions: MemoryTransportPositions, saved: str
    ) -> None:
        _append(folder / "a.jsonl", 1)
        positions.saved["log"] = saved
        async with _receiving(folder, positions) as session:
            await session.expect(1)

    async def test_keep_positions_of_files_that_are_there_alone(
        self, folder: Path, positions: MemoryTransportPositions
    ) -> None:
        async with _receiving(folder, positions) as session:
            for number in range(30):
                _append(folder / f"{number:03}.jsonl", number)
                await session.receiver.wait_for(number + 1)
                if number:
                    (folder / f"{number - 1:03}.jsonl").unlink()

        assert len(positions.saved["log"]) < 200


class TestFolders:
    async def test_that_are_missing_are_a_fault_until_they_are_there(
        self, tmp_path: Path, positions: MemoryTransportPositions
    ) -> None:
        folder = tmp_path / "later"
        async with _receiving(folder, positions) as session:
            fault = await session.wait_for_fault("Cannot")
            folder.mkdir()
            _append(folder / "a.jsonl", 1)
            await session.expect(1)
            await wait_until_connected(session.source)

        assert fault == f"Cannot receive from 'log' ({folder}/*.jsonl): no such file or directory."
        assert session.source.find_fault() == "'log' is stopped"

    async def test_that_are_files_are_a_fault(self, tmp_path: Path, positions: MemoryTransportPositions) -> None:
        (tmp_path / "file").write_bytes(b"")
        async with _receiving(tmp_path / "file", positions) as session:
            fault = await session.wait_for_fault("Cannot")

        assert fault.endswith("there is a file where a folder should be.")

    async def test_that_lose_their_files_for_a_while_lose_no_position(
        self, folder: Path, positions: MemoryTransportPositions, tmp_path: Path
    ) -> None:
        """As a network file system that is mounted again."""
        _append(folder / "a.jsonl", 1, 2)
        async with _receiving(folder, positions) as session:
            await session.expect(1, 2)
            (folder / "a.jsonl").rename(tmp_path / "a.jsonl")
            await session.let_it_look()
            (tmp_path / "a.jsonl").rename(folder / "a.jsonl")
            _append(folder / "a.jsonl", 3)
            await session.expect(1, 2, 3)


class TestFilesThatGrowWhileTheyAreRead:
    def test_are_still_the_same_files(self, tmp_path: Path) -> None:
        path, others = tmp_path / "a.jsonl", list[str]()
        path.write_bytes(b"1\n")
        files, position = LineFiles(tmp_path, "*.jsonl", 1024, others.append), FolderPosition()
        [first] = files.read_lines(position)
        path.write_bytes(b"1\n2\n")
        [_, second] = files.read_lines(position)

        # The second line was added after the beginning of the file was read.
        position.files[second.inode] = second._replace(head=first.head).position_after
        _append(path, 3)

        assert [line.body for line in files.read_lines(position)] == [b"3"]
        assert others == []


class TestRandomOrders:
    @pytest.mark.parametrize("seed", range(5))
    async def test_of_appending_rotating_and_restarting_deliver_each_line_once(
        self, folder: Path, positions: MemoryTransportPositions, seed: int
    ) -> None:
        choose, count, files = random.Random(seed), 0, 1
        taken = list[bytes]()
        for _ in range(4):
            async with _receiving(folder, positions) as session:
                for _ in range(30):
                    match choose.randrange(4):
                        case 0:
                            files += 1
                        case 1 if (folder / f"{files:03}.jsonl").exists():
                            (folder / f"{files:03}.jsonl").rename(folder / f"{files:03}-{count}.jsonl")
                    lines = [b"%d" % (count + number) for number in range(choose.randrange(1, 8))]
                    count += len(lines)
                    text = b"\n".join(lines) + b"\n"
                    cut = choose.randrange(len(text))
                    _append(folder / f"{files:03}.jsonl", text[:cut], end=b"")
                    await asyncio.sleep(choose.choice((0, _POLL_S)))
                    _append(folder / f"{files:03}.jsonl", text[cut:], end=b"")
                async with asyncio.timeout(60):
                    while len(taken) + len(session.lines) < count:  # noqa: ASYNC110
                        await asyncio.sleep(_POLL_S)
            taken += session.lines

        assert sorted(taken, key=int) == [b"%d" % number for number in range(count)]


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "paths"),
        [
            ({"folder": ""}, ["event_sources.log.folder"]),
            ({"folder": "a\x00b", "pattern": "../*"}, ["event_sources.log.folder", "event_sources.log.pattern"]),
            ({"folder": "a", "pattern": "b/*.jsonl"}, ["event_sources.log.pattern"]),
        ],
    )
    def test_that_are_wrong_are_named(
        self, settings: dict[str, str], paths: list[str], positions: MemoryTransportPositions
    ) -> None:
        with pytest.raises(TransportError) as caught:
            open_source("log", EventSourceSection.model_validate({"type": "files", **settings}), positions)

        assert [fault.path for fault in caught.value.faults] == paths

"""Files with one event per line as a source and as a target, such as the event store of Semantest's server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from semantest_iac.application.ports.event_transports import (
    PublishedMessage,
    PublishMessage,
    ReceivedMessage,
    TakeMessage,
    TransportError,
    TransportPositions,
    UnreachableTransportError,
)
from semantest_iac.application.worker import wait_until_set
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import DeploymentError, Fault, as_storage_error
from semantest_iac.infrastructure.durable_files import append_synced_line, make_private_folder
from semantest_iac.infrastructure.transports.line_files import FileLine, FolderPosition, LineFiles
from semantest_iac.infrastructure.transports.ordered_delivery import MOST_HANDED_ON_BYTES, take_in_order
from semantest_iac.infrastructure.transports.pauses import grow_pauses

if TYPE_CHECKING:
    from semantest_iac.domain.environments.event_sections import EventSourceSection, EventTargetSection

_LOG = logging.getLogger(__name__)
DEFAULT_PATTERN: Final = "*.jsonl"
_POLL_S: Final = 0.5


class FileSource:
    """Delivers the lines of the files of a folder, and waits for more."""

    def __init__(
        self, name: str, folder: Path, pattern: str, positions: TransportPositions, *, poll_s: float = _POLL_S
    ) -> None:
        self.name = name
        self._where = f"'{name}' ({folder / pattern})"
        self._files = LineFiles(folder, pattern, MOST_HANDED_ON_BYTES, self._note_other_file)
        self._positions = positions
        self._poll_s = poll_s
        self._fault = f"'{name}' is not read yet"
        self._pauses = grow_pauses()

    def find_fault(self) -> str:
        """Return why nothing arrives now."""
        return self._fault

    async def receive(self, take: TakeMessage, stopped: asyncio.Event) -> None:
        """Deliver lines until `stopped`; looks again for what cannot be read."""
        while not stopped.is_set():
            try:
                await self._follow(take, stopped)
            except (OSError, DeploymentError) as error:
                self._note_fault(_describe(error, f"Cannot receive from {self._where}"))
                await wait_until_set(stopped, next(self._pauses))
        self._fault = f"'{self.name}' is stopped"

    async def _follow(self, take: TakeMessage, stopped: asyncio.Event) -> None:
        position = FolderPosition.parse(await asyncio.to_thread(self._positions.read, self.name))
        while not stopped.is_set():
            lines = await asyncio.to_thread(self._files.read_lines, position)
            if await self._deliver(lines, position, take, stopped):
                await self._positions.save(self.name, position.encode())
            if self._fault and not stopped.is_set():
                self._fault, self._pauses = "", grow_pauses()
            if not lines:
                await wait_until_set(stopped, self._poll_s)

    async def _deliver(
        self, lines: list[FileLine], position: FolderPosition, take: TakeMessage, stopped: asyncio.Event
    ) -> bool:
        """Hand lines on, and move the position behind those that were taken; False if none was."""
        has_moved = False
        for line in lines:
            if stopped.is_set():
                break
            message = ReceivedMessage(self.name, line.body, place=f"{make_printable(line.file)}:{line.start}")
            is_taken = not line.body.strip() or await take_in_order(take, message, stopped, self._note_fault)
            if not is_taken:
                break
            position.files[line.inode] = line.position_after
            has_moved = True
        return has_moved

    def _note_fault(self, reason: str) -> None:
        if reason != self._fault:
            _LOG.warning("%s", reason)
        self._fault = reason

    def _note_other_file(self, file: str) -> None:
        shown = make_printable(file)
        _LOG.warning("The file '%s' of %s was truncated or replaced, and is read from its start.", shown, self._where)


class FileTarget:
    """Appends each message as a line to the file of the day (in UTC) in a folder."""

    def __init__(
        self, name: str, folder: Path, *, read_clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.name = name
        self._folder = folder
        self._read_clock = read_clock

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        """Make the folder, if it is missing."""
        with self._translated():
            await asyncio.to_thread(make_private_folder, self._folder)
        yield self._publish

    async def _publish(self, message: PublishedMessage) -> None:
        path = self._folder / f"events_{self._read_clock():%Y-%m-%d}.jsonl"
        line = message.body.replace(b"\r", b" ").replace(b"\n", b" ")  # JSON has none within its texts
        with self._translated():
            await asyncio.to_thread(append_synced_line, path, line)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = _describe(error, f"Cannot publish to '{self.name}' ({self._folder})")
            raise UnreachableTransportError(message) from error


def open_source(name: str, section: EventSourceSection, positions: TransportPositions) -> FileSource:
    """Return the source; raises TransportError for settings that are wrong."""
    pattern = section.pattern or DEFAULT_PATTERN
    faults = list(_find_folder_faults(f"event_sources.{name}", section.folder))
    if "/" in pattern or "\0" in pattern:
        faults.append(Fault(f"event_sources.{name}.pattern", "is no name of files", f"Such as {DEFAULT_PATTERN}."))
    if faults:
        raise TransportError(f"Cannot receive from '{name}'.", faults=faults)
    return FileSource(name, Path(section.folder or ""), pattern, positions)


def open_target(name: str, section: EventTargetSection) -> FileTarget:
    """Return the target; raises TransportError for settings that are wrong."""
    faults = list(_find_folder_faults(f"event_targets.{name}", section.folder))
    if faults:
        raise TransportError(f"Cannot publish to '{name}'.", faults=faults)
    return FileTarget(name, Path(section.folder or ""))


def _find_folder_faults(at: str, folder: str | None) -> Iterator[Fault]:
    if not folder or "\0" in folder:
        yield Fault(f"{at}.folder", "is no path of a folder", "Such as data/events.")


def _describe(error: OSError | DeploymentError, failure: str) -> str:
    if isinstance(error, DeploymentError):
        return error.reason
    known = as_storage_error(error)
    cause = known.message.rpartition(": ")[2] if known else f"{(error.strerror or str(error)).lower()}."
    return f"{failure}: {cause}"

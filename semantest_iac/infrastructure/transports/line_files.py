"""Reads the whole lines of files that grow, are rotated, truncated, renamed and replaced.

A file is known by its inode, whatever its name is. Inodes are used again, and a truncated file keeps its own: a digest
of the beginning of what was read tells whether it is still that file.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from semantest_iac.infrastructure.nested_text import parse_json

MOST_LINES_READ: Final = 100
_BLOCK_BYTES: Final = 256 * 1024
_DIGESTED_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class FilePosition:
    """How far a file was read, and the digest of its first `digested` bytes."""

    offset: int = 0
    digested: int = 0
    digest: str = ""


class FileLine(NamedTuple):
    """A line, without its end: where it begins and where the next one does; `head` is the beginning of its file."""

    file: str
    inode: str
    start: int
    end: int
    body: bytes
    head: bytes

    @property
    def position_after(self) -> FilePosition:
        """The position behind the line; the file may have grown since its beginning was read."""
        digested = min(self.end, len(self.head))
        return FilePosition(self.end, digested, _digest(self.head[:digested]))


@dataclass(slots=True)
class FolderPosition:
    """How far each file of a folder was read, by inode."""

    files: dict[str, FilePosition] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> FolderPosition:
        """Return a saved position; an empty one where nothing was saved, or by a source of another type."""
        try:
            files = parse_json(text or "")["files"]
            return cls({str(it): FilePosition(int(o), int(n), str(digest)) for it, (o, n, digest) in files.items()})
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls()

    def encode(self) -> str:
        """Return the text that is saved."""
        return json.dumps({"files": {it: [at.offset, at.digested, at.digest] for it, at in self.files.items()}})


class LineFiles:
    """The files of a folder whose names fit a pattern, in the order of their names; links are not followed.

    A line of more than `most_bytes` is cut off there. `on_other_file` is told the name of a file that was truncated or
    replaced, and is read from its start.
    """

    def __init__(self, folder: Path, pattern: str, most_bytes: int, on_other_file: Callable[[str], None]) -> None:
        self._folder = folder
        self._pattern = pattern
        self._most_bytes = most_bytes
        self._on_other_file = on_other_file
        self._listed: set[str] = set()
        self._searched: dict[str, int] = {}  # up to where the end of a long line was looked for
        self._unchanged: dict[str, tuple[int, int]] = {}  # size and time of files that had no line more

    def read_lines(self, position: FolderPosition) -> list[FileLine]:
        """Return the next lines of the first file that has any; raises OSError.

        `position` forgets files that were gone twice, and what was read of those that are not the same any more.
        """
        found = dict(self._list_files())
        if found:  # a folder without files may be one that is not mounted
            seen_now = {str(status.st_ino) for status in found.values()}
            kept = seen_now | self._listed  # a listing may leave out a file that is renamed meanwhile
            self._listed = seen_now
            position.files = {inode: at for inode, at in position.files.items() if inode in kept}
            self._unchanged = {inode: seen for inode, seen in self._unchanged.items() if inode in kept}
        for name in sorted(found):
            seen = self._unchanged.get(str(found[name].st_ino))
            if seen != (found[name].st_size, found[name].st_mtime_ns) and (lines := self._read(name, position)):
                return lines
        return []

    def _list_files(self) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and fnmatchcase(entry.name, self._pattern):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        yield entry.name, status

    def _read(self, name: str, position: FolderPosition) -> list[FileLine]:
        try:
            descriptor = self._open(name)
        except FileNotFoundError:  # it was renamed or removed since it was listed
            return []
        try:
            status = os.fstat(descriptor)
            inode = str(status.st_ino)
            at = position.files.get(inode, FilePosition())
            head = os.pread(descriptor, _DIGESTED_BYTES, 0)
            if at.offset > status.st_size or at.digest != _digest(head[: at.digested]):
                self._on_other_file(name)
                at = position.files[inode] = FilePosition()
                self._searched.pop(inode, None)
            parts = list(self._split(descriptor, inode, at.offset))
            if not parts:
                self._unchanged[inode] = (status.st_size, status.st_mtime_ns)
            return [FileLine(name, inode, *part, head) for part in parts]
        finally:
            os.close(descriptor)

    def _split(self, descriptor: int, inode: str, start: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield start, end and body of whole lines, so many as fit into one block, or of one that is longer."""
        block = os.pread(descriptor, _BLOCK_BYTES, start)
        lines = block.split(b"\n")[:-1][:MOST_LINES_READ]
        if not lines and len(block) == _BLOCK_BYTES:
            end = self._find_end(descriptor, inode, start + len(block))
            if end:
                yield start, end, os.pread(descriptor, min(end - 1 - start, self._most_bytes), start)
        for body in lines:
            end = start + len(body) + 1
            yield start, end, body
            start = end

    def _find_end(self, descriptor: int, inode: str, start: int) -> int:
        """Return where the line ends that is still open at `start`, 0 if it does not end yet."""
        searched = self._searched.get(inode, 0)
        at = max(start, searched) if searched <= os.fstat(descriptor).st_size else start
        while block := os.pread(descriptor, _BLOCK_BYTES, at):
            if (found := block.find(b"\n")) >= 0:
                self._searched.pop(inode, None)
                return at + found + 1
            at += len(block)
        self._searched[inode] = at
        return 0

    def _open(self, name: str) -> int:
        return os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _digest(head: bytes) -> str:
    """Return the digest of the beginning of a file, empty for nothing of it."""
    return hashlib.sha256(head).hexdigest()[:16] if head else ""

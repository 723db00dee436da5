"""Reads and writes the home's manifest: what the home holds, so that a lost part is told from an empty home.

`home.json` notes the ledger's head after commits, the engine of each stack and the formats of the parts. A copy lies in
the folder of each engine's states, for a home that lost both its ledger and its manifest. A noted head that is older
than the ledger is normal after a kill; a newer one means that events were lost.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from semantest_iac.domain.errors import StorageError
from semantest_iac.infrastructure.durable_files import replace_file
from semantest_iac.infrastructure.file_locks import wait_for_lock
from semantest_iac.infrastructure.nested_text import parse_json

MANIFEST_NAME: Final = "home.json"
HOME_FORMAT: Final = 1
ENGINE_FOLDERS: Final = ("sandbox", "pulumi")
PART_FORMATS: Final[Mapping[str, int]] = {
    "artifacts": 1,
    "cloud.db": 1,
    "ledger.db": 1,
    "pulumi": 3,
    "pulumi/cloud.db": 1,
    "sandbox": 3,
}
"""The format in which this version writes each part; raise it where an earlier version could not read the part."""
_APPLICATION: Final = "semantest-iac"
_REPAIR_HINT: Final = "Run `semantest-iac repair`, which writes it again from what is there."


@dataclass(frozen=True, slots=True)
class ManifestContent:
    """What a home notes about itself: `position` and `hash` are the ledger's head, position 0 without events."""

    position: int = 0
    hash: str = ""
    stacks: Mapping[str, str] = field(default_factory=dict)
    """The engine by the name of each stack that was ever requested."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """The format of each part that the home has had, by its path below the home."""


class HomeManifest:
    """The manifest of one home; a home of an earlier version has none until something is noted."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.path = self.home / MANIFEST_NAME

    def read(self) -> ManifestContent | None:
        """Return what is noted, or the newest copy of a lost manifest; None where nothing ever was.

        Raises StorageError for a manifest that is damaged, of a newer version, or not ours.
        """
        if self.path.exists() or self.path.is_symlink():
            return read_manifest_file(self.path)
        copies = [read_manifest_file(path) for path in self.list_copies()]
        return max(copies, key=lambda copy: copy.position, default=None)

    def list_copies(self) -> list[Path]:
        """Return the copies that are there."""
        return [path for path in self._copy_paths() if path.exists()]

    def note_ledger_head(self, position: int, hash_: str, *, with_copies: bool = False) -> None:
        """Note a head that is committed; an older one than noted changes nothing.

        A note that cannot be written is left out: the events are in the ledger, and the next note covers them.
        """
        with suppress(OSError, StorageError), self._locked():
            noted = self.read() or ManifestContent()
            if position >= noted.position:
                noted = replace(noted, position=position, hash=hash_)
            if with_copies:
                noted = replace(noted, parts={**noted.parts, **self._find_parts()})
            self._write(noted, with_copies=with_copies)

    def note_stack(self, stack: str, engine: str) -> None:
        """Note which engine a stack was requested from."""
        with suppress(OSError, StorageError), self._locked():
            noted = self.read() or ManifestContent()
            if noted.stacks.get(stack) != engine:
                self._write(replace(noted, stacks={**noted.stacks, stack: engine}))

    def _find_parts(self) -> dict[str, int]:
        return {part: format_ for part, format_ in PART_FORMATS.items() if (self.home / part).exists()}

    def replace_content(self, content: ManifestContent) -> None:
        """Write the manifest and its copies anew; raises OSError."""
        with self._locked():
            if self.path.is_dir():
                self.path.rmdir()
            self._write(content, with_copies=True)

    def _write(self, content: ManifestContent, *, with_copies: bool = False) -> None:
        """Replace the file, under the lock; a kill leaves the old one."""
        fields = {"application": _APPLICATION, "format": HOME_FORMAT, **asdict(content)}
        text = json.dumps(fields | {"check": _checksum(fields)}, sort_keys=True)
        for path in (self.path, *(self._copy_paths() if with_copies else ())):
            if path.parent.is_dir():
                replace_file(path, text)

    def _copy_paths(self) -> Iterator[Path]:
        return (self.home / folder / MANIFEST_NAME for folder in ENGINE_FOLDERS)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # a file system without locks: a note may be lost, the next one covers it
                wait_for_lock(descriptor)
            yield
        finally:
            os.close(descriptor)


def read_manifest_file(path: Path) -> ManifestContent:
    """Read one manifest; raises StorageError that says what is wrong with it and what to do."""
    try:
        raw = parse_json(path.read_bytes())
    except OSError as error:
        reason = (error.strerror or "the system refused it").lower()
        raise StorageError(f"Cannot read '{path}': {reason}.", "HOME_MANIFEST_DAMAGED", hint=_REPAIR_HINT) from error
    except ValueError as error:
        raise _manifest_damaged(path) from error
    if not isinstance(raw, dict) or raw.pop("check", None) != _checksum(raw) or raw.get("application") != _APPLICATION:
        raise _manifest_damaged(path)
    content = _parse_content(path, raw)
    formats = {"the home": raw["format"], **content.parts}
    known = {"the home": HOME_FORMAT, **PART_FORMATS}
    newer = next((part for part, format_ in formats.items() if format_ > known.get(part, 0)), None)
    if newer is not None:
        raise StorageError(
            f"Cannot use the home of '{path}': {newer} has format {formats[newer]},"
            f" this version knows {known.get(newer, 'none')}.",
            "HOME_NEWER",
            hint="Use the version of semantest_iac that wrote it, or a newer one.",
        )
    return content


def _parse_content(path: Path, raw: Mapping[str, Any]) -> ManifestContent:
    try:
        content = ManifestContent(raw["position"], raw["hash"], raw["stacks"], raw["parts"])
    except KeyError as error:
        raise _manifest_damaged(path) from error
    has_head = isinstance(content.position, int) and content.position >= 0 and isinstance(content.hash, str)
    are_maps = isinstance(content.stacks, dict) and isinstance(content.parts, dict)
    if not (has_head and are_maps and all(isinstance(it, int) for it in (raw.get("format"), *content.parts.values()))):
        raise _manifest_damaged(path)
    return content


def _checksum(fields: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(fields, sort_keys=True).encode())


def _manifest_damaged(path: Path) -> StorageError:
    message = f"Cannot read '{path}': it is not the manifest of a home, or it is damaged."
    return StorageError(message, "HOME_MANIFEST_DAMAGED", hint=_REPAIR_HINT)

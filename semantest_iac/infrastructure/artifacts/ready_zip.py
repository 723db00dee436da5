"""Checks a package that a person made; it is then deployed byte for byte as it is."""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts.limits import NAMED_FAULTS, UNPACKED_BYTES, faults_of_size
from semantest_iac.infrastructure.artifacts.names import fault_of_path, printable, twins
from semantest_iac.infrastructure.artifacts.source_tree import unreadable

ENCRYPTED = 0x1
HARMLESS_TYPES = (0, stat.S_IFREG, stat.S_IFDIR)  # 0: made on a system without Unix modes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Files of which an archive must hold one, and what a person is told where it holds none."""

    names: Sequence[str]
    what: str
    hint: str


def read_zip(path: Path, wanted: Wanted) -> bytes:
    """The archive's bytes once it has passed."""
    content = _content(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            faults = [*_faults(archive.infolist(), wanted)][:NAMED_FAULTS]
            broken = None if faults else archive.testzip()
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as error:
        raise ArtifactError(f"Cannot use package '{path.name}': it is not a readable zip file.") from error
    if broken is not None:
        faults = [Fault(printable(broken), "the content does not match its checksum")]
    if faults:
        raise ArtifactError(f"Cannot use package '{path.name}': it is not safe to deploy.", faults=faults)
    return content


def _content(path: Path) -> bytes:
    """All bytes of a regular file; a FIFO or device is refused without waiting for it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise unreadable(path.name, error) from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > UNPACKED_BYTES:
            raise ArtifactError(f"Cannot use package '{path.name}': it is not a file of a usable size.")
        return file.read()


def _faults(entries: Sequence[zipfile.ZipInfo], wanted: Wanted) -> Iterator[Fault]:
    names = [entry.orig_filename.removesuffix("/") for entry in entries]
    yield from filter(None, map(fault_of_path, names))
    for one, other in twins(names):
        yield Fault(printable(one), f"is there twice (as {other!a})")
    yield from filter(None, map(_fault_of_entry, entries))
    yield from faults_of_size(len(entries), sum(entry.file_size for entry in entries))
    if not set(wanted.names) & set(names):
        yield Fault(wanted.what, f"the archive holds no {' or '.join(wanted.names)}", wanted.hint)


def _fault_of_entry(entry: zipfile.ZipInfo) -> Fault | None:
    if entry.flag_bits & ENCRYPTED:
        return Fault(printable(entry.orig_filename), "is encrypted")
    if stat.S_IFMT(entry.external_attr >> 16) not in HARMLESS_TYPES:
        return Fault(printable(entry.orig_filename), "is a link or a special file")
    return None

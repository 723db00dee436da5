"""Reads a source folder without following links, opening devices or leaving the folder.

Every file is opened relative to the descriptor of the folder it was found in, so a link that is swapped
in while the walk is under way is refused by the kernel and not by a check that it could outrun.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts import limits
from semantest_iac.infrastructure.artifacts.names import are_plain, fault_of_path, printable, twins
from semantest_iac.infrastructure.artifacts.selection import (
    PRIVATE_KEY,
    Selection,
    is_credential,
    is_key_store,
    may_hold_a_key,
)

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO swapped in must not block


class SourceFile(NamedTuple):
    """A regular file of the walk; it can be read only until the walk goes on to the next folder."""

    path: str
    name: str
    stat: os.stat_result
    folder: int

    @property
    def is_executable(self) -> bool:
        """Whether anybody may execute it; no other part of the mode enters the package."""
        return bool(self.stat.st_mode & 0o111)

    def stamp(self) -> str:
        """What changes when the file does; the change time also shows edits that put the old date back."""
        found = self.stat
        return (
            f"{self.path}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ctime_ns}"
            f"\0{found.st_ino}\0{found.st_mode & 0o111}\n"
        )

    def read(self) -> bytes:
        """The content; raises ArtifactError when the file is no longer the one that was found."""
        try:
            descriptor = os.open(self.name, FILE_FLAGS, dir_fd=self.folder)
        except OSError as error:
            raise unreadable(self.path, error) from error
        try:
            if _identity(os.fstat(descriptor)) != _identity(self.stat):
                raise _changed(self.path)
            content = os.read(descriptor, self.stat.st_size + 1)
        finally:
            os.close(descriptor)
        if len(content) != self.stat.st_size:
            raise _changed(self.path)
        return content


@dataclass(slots=True)
class Survey:
    """What a walk saw besides the files it yielded."""

    files: int = 0
    unpacked: int = 0
    newest_ns: int = 0
    links: list[str] = field(default_factory=list)
    specials: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def count(self, found: os.stat_result) -> None:
        """Add one file to the sums."""
        self.files += 1
        self.unpacked += found.st_size
        self.newest_ns = max(self.newest_ns, found.st_ctime_ns)

    @property
    def is_over(self) -> bool:
        """Whether going on would only waste time."""
        is_too_large = self.files > limits.FILES or self.unpacked > limits.UNPACKED_BYTES
        return is_too_large or len(self.faults) >= limits.NAMED_FAULTS

    def notes(self) -> tuple[str, ...]:
        """A sentence for each kind of thing that was left out."""
        kinds = (("link", self.links), ("special file", self.specials), ("secret-looking file", self.secrets))
        return tuple(_sentence(kind, sorted(paths)) for kind, paths in kinds if paths)


def walk(root: Path, selection: Selection, survey: Survey) -> Generator[SourceFile, None, None]:
    """Yield the chosen files in the order of their path parts, and tell the rest to the survey."""
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(str(root), error) from error
    try:
        yield from _walk_folder(folder, "", selection, survey)
    except OSError as error:
        raise unreadable(str(root), error) from error
    finally:
        os.close(folder)


def _walk_folder(folder: int, prefix: str, selection: Selection, survey: Survey) -> Iterator[SourceFile]:
    for entry in _entries(folder, prefix, survey):
        path, name = prefix + entry.name, entry.name
        if survey.is_over:
            return
        if selection.leaves_out(path, name):
            if is_credential(name):
                survey.secrets.append(path)
            continue
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(found.st_mode):
            file = SourceFile(path, name, found, folder)
            if not _is_secret(file, survey):
                survey.count(found)
                yield file
        elif stat.S_ISDIR(found.st_mode):
            yield from _enter(name, folder, path, selection, survey)
        else:
            aside = survey.links if stat.S_ISLNK(found.st_mode) else survey.specials
            aside.append(path)


def _entries(folder: int, prefix: str, survey: Survey) -> list[os.DirEntry[str]]:
    """The folder's entries by name; those that no package can hold become faults."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=attrgetter("name"))
    if are_plain(prefix, (entry.name for entry in entries)):
        return entries
    for one, other in twins(entry.name for entry in entries):
        reason = f"is the same name as {prefix + other!a} on systems that compose Unicode"
        survey.faults.append(Fault(printable(prefix + one), reason))
    bad = {entry.name: fault for entry in entries if (fault := fault_of_path(prefix + entry.name))}
    survey.faults.extend(bad.values())
    return [entry for entry in entries if entry.name not in bad]


def _enter(name: str, folder: int, path: str, selection: Selection, survey: Survey) -> Iterator[SourceFile]:
    if path.count("/") >= limits.DEPTH:
        survey.faults.append(Fault(printable(path), f"lies deeper than {limits.DEPTH} folders"))
        return
    try:
        inner = os.open(name, FOLDER_FLAGS, dir_fd=folder)
    except OSError as error:
        survey.faults.append(Fault(path, f"cannot be opened ({error.strerror})"))
        return
    try:
        yield from _walk_folder(inner, f"{path}/", selection, survey)
    finally:
        os.close(inner)


def _is_secret(file: SourceFile, survey: Survey) -> bool:
    name = file.name
    secret = is_key_store(name) or (may_hold_a_key(name) and PRIVATE_KEY in file.read())
    if secret:
        survey.secrets.append(file.path)
    return secret


def unreadable(path: str, error: OSError) -> ArtifactError:
    """The error for something that the system will not let us open."""
    return ArtifactError(f"Cannot read source '{printable(path)}': {error.strerror}.")


def _changed(path: str) -> ArtifactError:
    return ArtifactError(
        f"Cannot package source '{path}': it changed while it was read.",
        hint="Wait until the build that writes the folder is done.",
    )


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return (
        stat.S_IFMT(found.st_mode), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
    )  # fmt: skip


def _sentence(kind: str, paths: list[str]) -> str:
    shown = ", ".join(printable(path) for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"Left out {len(paths)} {kind}{'s' if len(paths) > 1 else ''}: {shown}{more}."

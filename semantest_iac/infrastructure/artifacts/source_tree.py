"""Walks and copies a source folder without following links, opening devices or leaving the folder.

Every file is opened relative to the descriptor of the folder it was found in. The kernel then refuses a link that
replaces a file during the walk, which a check before the open could miss.
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
from semantest_iac.infrastructure.artifacts import package_rules
from semantest_iac.infrastructure.artifacts.package_rules import (
    are_safe_names,
    check_package_size,
    check_path,
    escape_path,
    find_unicode_duplicates,
)

VERSION_CONTROL_FOLDERS = frozenset({".git", ".hg", ".svn"})
GENERATED_NAMES = frozenset({".semantest", "__pycache__", ".DS_Store", ".venv"})
CREDENTIAL_NAMES = frozenset({".env", ".npmrc", ".netrc", ".pypirc", ".ssh", ".aws"})
EXCLUDED_NAMES = VERSION_CONTROL_FOLDERS | GENERATED_NAMES | CREDENTIAL_NAMES
EXCLUDED_AT_ROOT = frozenset({"coverage", ".nyc_output", "venv"})  # in subfolders these are real packages
EXCLUDED_IN_NODE_MODULES = ("node_modules/.bin", "node_modules/.cache", "node_modules/.package-lock.json")
EXCLUDED_SUFFIXES = (".pyc", ".pyo")
KEY_STORE_SUFFIXES = (".p12", ".pfx")
POSSIBLE_KEY_SUFFIXES = (".pem", ".key")
POSSIBLE_KEY_PREFIXES = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
PRIVATE_KEY_MARKER = b"PRIVATE KEY-----"  # checked by content: certificates are .pem files too, and are needed
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO that replaces the file must not block


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Leaves out the names and paths of the tables above, plus `excluded_paths`, minus `included_names`."""

    excluded_paths: frozenset[str] = frozenset()
    excluded_at_root: frozenset[str] = EXCLUDED_AT_ROOT
    included_names: frozenset[str] = frozenset()

    def excludes(self, path: str, name: str) -> bool:
        """Return whether a relative path is left out; called for a folder before it is entered."""
        if name in EXCLUDED_NAMES or name.startswith(".env."):
            return name not in self.included_names
        if path in self.excluded_paths or path in self.excluded_at_root:
            return True
        return name.endswith(EXCLUDED_SUFFIXES) or path.endswith(EXCLUDED_IN_NODE_MODULES)


def is_credential_file(name: str) -> bool:
    """Return whether the tables exclude the name because it holds secrets; the user is told which."""
    return name in CREDENTIAL_NAMES or name.startswith(".env.")


def is_key_store(name: str) -> bool:
    return name.endswith(KEY_STORE_SUFFIXES)


def may_hold_private_key(name: str) -> bool:
    """Return whether the content must be searched for a private key."""
    return name.endswith(POSSIBLE_KEY_SUFFIXES) or name.startswith(POSSIBLE_KEY_PREFIXES)


class SourceFile(NamedTuple):
    """A regular file of the walk; it can be read only until the walk continues with the next folder."""

    path: str
    name: str
    stat: os.stat_result
    folder_descriptor: int

    @property
    def is_executable(self) -> bool:
        """Return whether any execute bit is set; no other part of the mode enters the package."""
        return bool(self.stat.st_mode & 0o111)

    def stamp(self) -> str:
        """Return a text that changes with the file; the change time also shows edits that restore the old date."""
        status = self.stat
        return (
            f"{self.path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}"
            f"\0{status.st_ino}\0{status.st_mode & 0o111}\n"
        )

    def read(self) -> bytes:
        """Return the content; raises ArtifactError when the file is no longer the one that was found."""
        try:
            descriptor = os.open(self.name, FILE_FLAGS, dir_fd=self.folder_descriptor)
        except OSError as error:
            raise unreadable_source_error(self.path, error) from error
        try:
            if _file_identity(os.fstat(descriptor)) != _file_identity(self.stat):
                raise _changed_source_error(self.path)
            content = os.read(descriptor, self.stat.st_size + 1)
        finally:
            os.close(descriptor)
        if len(content) != self.stat.st_size:
            raise _changed_source_error(self.path)
        return content


@dataclass(slots=True)
class WalkReport:
    """What a walk found besides the files it yielded."""

    file_count: int = 0
    unpacked_bytes: int = 0
    newest_ns: int = 0
    links: list[str] = field(default_factory=list)
    special_files: list[str] = field(default_factory=list)
    secret_files: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, status: os.stat_result) -> None:
        self.file_count += 1
        self.unpacked_bytes += status.st_size
        self.newest_ns = max(self.newest_ns, status.st_ctime_ns)

    @property
    def is_over_limit(self) -> bool:
        is_too_large = (
            self.file_count > package_rules.MAX_FILES or self.unpacked_bytes > package_rules.MAX_UNPACKED_BYTES
        )
        return is_too_large or len(self.faults) >= package_rules.MAX_REPORTED_FAULTS

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each kind of file that was left out."""
        kinds = (("link", self.links), ("special file", self.special_files), ("secret-looking file", self.secret_files))
        return tuple(_exclusion_note(kind, sorted(paths)) for kind, paths in kinds if paths)


def walk_source(root: Path, file_filter: FileFilter, report: WalkReport) -> Generator[SourceFile, None, None]:
    """Yield the selected files in the order of their path parts, and add everything else to the report."""
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable_source_error(str(root), error) from error
    try:
        yield from _walk_folder(folder, "", file_filter, report)
    except OSError as error:
        raise unreadable_source_error(str(root), error) from error
    finally:
        os.close(folder)


def _walk_folder(folder: int, prefix: str, file_filter: FileFilter, report: WalkReport) -> Iterator[SourceFile]:
    for entry in _list_entries(folder, prefix, report):
        path, name = prefix + entry.name, entry.name
        if report.is_over_limit:
            return
        if file_filter.excludes(path, name):
            if is_credential_file(name):
                report.secret_files.append(path)
            continue
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            file = SourceFile(path, name, status, folder)
            if not _holds_private_key(file, report):
                report.add(status)
                yield file
        elif stat.S_ISDIR(status.st_mode):
            yield from _walk_subfolder(name, folder, path, file_filter, report)
        else:
            left_out = report.links if stat.S_ISLNK(status.st_mode) else report.special_files
            left_out.append(path)


def _list_entries(folder: int, prefix: str, report: WalkReport) -> list[os.DirEntry[str]]:
    """Return the folder's entries by name; those that no package can hold become faults."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=attrgetter("name"))
    if are_safe_names(prefix, (entry.name for entry in entries)):
        return entries
    for one, other in find_unicode_duplicates(entry.name for entry in entries):
        reason = f"is the same name as {prefix + other!a} on systems that compose Unicode"
        report.faults.append(Fault(escape_path(prefix + one), reason))
    bad = {entry.name: fault for entry in entries if (fault := check_path(prefix + entry.name))}
    report.faults.extend(bad.values())
    return [entry for entry in entries if entry.name not in bad]


def _walk_subfolder(
    name: str, folder: int, path: str, file_filter: FileFilter, report: WalkReport
) -> Iterator[SourceFile]:
    if path.count("/") >= package_rules.MAX_FOLDER_DEPTH:
        report.faults.append(
            Fault(escape_path(path), f"is nested deeper than {package_rules.MAX_FOLDER_DEPTH} folders")
        )
        return
    try:
        inner = os.open(name, FOLDER_FLAGS, dir_fd=folder)
    except OSError as error:
        report.faults.append(Fault(path, f"cannot be opened ({error.strerror})"))
        return
    try:
        yield from _walk_folder(inner, f"{path}/", file_filter, report)
    finally:
        os.close(inner)


def _holds_private_key(file: SourceFile, report: WalkReport) -> bool:
    name = file.name
    secret = is_key_store(name) or (may_hold_private_key(name) and PRIVATE_KEY_MARKER in file.read())
    if secret:
        report.secret_files.append(file.path)
    return secret


def unreadable_source_error(path: str, error: OSError) -> ArtifactError:
    return ArtifactError(f"Cannot read source '{escape_path(path)}': {error.strerror}.")


def _changed_source_error(path: str) -> ArtifactError:
    return ArtifactError(
        f"Cannot package source '{path}': it changed while it was read.",
        hint="Wait until the build that writes the folder is done.",
    )


def _file_identity(status: os.stat_result) -> tuple[int, ...]:
    return (
        stat.S_IFMT(status.st_mode), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    )  # fmt: skip


def _exclusion_note(kind: str, paths: list[str]) -> str:
    listed = ", ".join(escape_path(path) for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"Left out {len(paths)} {kind}{'s' if len(paths) > 1 else ''}: {listed}{more}."


def copy_source(source: Path, target: Path, file_filter: FileFilter) -> None:
    """Copy the selected regular files with new modes and dates; the target must not exist yet."""
    report = WalkReport()
    target.mkdir(parents=True)
    for file in walk_source(source, file_filter, report):
        path = target / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read())
        path.chmod(0o755 if file.is_executable else 0o644)
    require_no_faults(report)


def require_no_faults(report: WalkReport) -> None:
    """Raise ArtifactError with everything that the walk found wrong."""
    faults = [*report.faults, *check_package_size(report.file_count, report.unpacked_bytes)]
    if faults:
        raise ArtifactError("Cannot package the source: some of its files cannot be in a package.", faults=faults)

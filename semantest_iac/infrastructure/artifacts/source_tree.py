"""Walks and copies a source folder without following links, opening devices or leaving the folder.

Every file is opened relative to the descriptor of the folder it was found in. The kernel then refuses a link that
replaces a file during the walk, which a check before the open could miss."""

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
EXCLUDED_AT_ROOT = frozenset({"coverage", ".nyc_output", "venv"})  # deeper down these are real packages
EXCLUDED_IN_NODE_MODULES = ("node_modules/.bin", "node_modules/.cache", "node_modules/.package-lock.json")
EXCLUDED_SUFFIXES = (".pyc", ".pyo")
KEY_STORE_SUFFIXES = (".p12", ".pfx")
POSSIBLE_KEY_SUFFIXES = (".pem", ".key")
POSSIBLE_KEY_PREFIXES = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
PRIVATE_KEY_MARKER = b"PRIVATE KEY-----"  # by content: certificates are .pem files too, and are needed


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Which paths of one folder stay behind: the tables above, plus `paths`, minus the names in `kept`."""

    paths: frozenset[str] = frozenset()
    top: frozenset[str] = EXCLUDED_AT_ROOT
    kept: frozenset[str] = frozenset()

    def leaves_out(self, path: str, name: str) -> bool:
        """Whether a relative path stays behind; asked for a folder before it is entered."""
        if name in EXCLUDED_NAMES or name.startswith(".env."):
            return name not in self.kept
        if path in self.paths or path in self.top:
            return True
        return name.endswith(EXCLUDED_SUFFIXES) or path.endswith(EXCLUDED_IN_NODE_MODULES)


def is_credential_file(name: str) -> bool:
    """Whether the tables leave the name out because it holds secrets, which the person is told."""
    return name in CREDENTIAL_NAMES or name.startswith(".env.")


def is_key_store(name: str) -> bool:
    """Whether the name alone says that the file holds a private key."""
    return name.endswith(KEY_STORE_SUFFIXES)


def may_hold_private_key(name: str) -> bool:
    """Whether the content has to be looked at for a private key."""
    return name.endswith(POSSIBLE_KEY_SUFFIXES) or name.startswith(POSSIBLE_KEY_PREFIXES)


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
        is_too_large = self.files > package_rules.MAX_FILES or self.unpacked > package_rules.MAX_UNPACKED_BYTES
        return is_too_large or len(self.faults) >= package_rules.MAX_REPORTED_FAULTS

    def notes(self) -> tuple[str, ...]:
        """A sentence for each kind of thing that was left out."""
        kinds = (("link", self.links), ("special file", self.specials), ("secret-looking file", self.secrets))
        return tuple(_exclusion_note(kind, sorted(paths)) for kind, paths in kinds if paths)


def walk_source(root: Path, selection: FileFilter, survey: WalkReport) -> Generator[SourceFile, None, None]:
    """Yield the chosen files in the order of their path parts, and tell the rest to the survey."""
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable_source_error(str(root), error) from error
    try:
        yield from _walk_folder(folder, "", selection, survey)
    except OSError as error:
        raise unreadable_source_error(str(root), error) from error
    finally:
        os.close(folder)


def _walk_folder(folder: int, prefix: str, selection: FileFilter, survey: WalkReport) -> Iterator[SourceFile]:
    for entry in _list_entries(folder, prefix, survey):
        path, name = prefix + entry.name, entry.name
        if survey.is_over:
            return
        if selection.leaves_out(path, name):
            if is_credential_file(name):
                survey.secrets.append(path)
            continue
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(found.st_mode):
            file = SourceFile(path, name, found, folder)
            if not _holds_private_key(file, survey):
                survey.count(found)
                yield file
        elif stat.S_ISDIR(found.st_mode):
            yield from _walk_subfolder(name, folder, path, selection, survey)
        else:
            aside = survey.links if stat.S_ISLNK(found.st_mode) else survey.specials
            aside.append(path)


def _list_entries(folder: int, prefix: str, survey: WalkReport) -> list[os.DirEntry[str]]:
    """The folder's entries by name; those that no package can hold become faults."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=attrgetter("name"))
    if are_safe_names(prefix, (entry.name for entry in entries)):
        return entries
    for one, other in find_unicode_duplicates(entry.name for entry in entries):
        reason = f"is the same name as {prefix + other!a} on systems that compose Unicode"
        survey.faults.append(Fault(escape_path(prefix + one), reason))
    bad = {entry.name: fault for entry in entries if (fault := check_path(prefix + entry.name))}
    survey.faults.extend(bad.values())
    return [entry for entry in entries if entry.name not in bad]


def _walk_subfolder(
    name: str, folder: int, path: str, selection: FileFilter, survey: WalkReport
) -> Iterator[SourceFile]:
    if path.count("/") >= package_rules.MAX_FOLDER_DEPTH:
        survey.faults.append(Fault(escape_path(path), f"lies deeper than {package_rules.MAX_FOLDER_DEPTH} folders"))
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


def _holds_private_key(file: SourceFile, survey: WalkReport) -> bool:
    name = file.name
    secret = is_key_store(name) or (may_hold_private_key(name) and PRIVATE_KEY_MARKER in file.read())
    if secret:
        survey.secrets.append(file.path)
    return secret


def unreadable_source_error(path: str, error: OSError) -> ArtifactError:
    """The error for something that the system will not let us open."""
    return ArtifactError(f"Cannot read source '{escape_path(path)}': {error.strerror}.")


def _changed_source_error(path: str) -> ArtifactError:
    return ArtifactError(
        f"Cannot package source '{path}': it changed while it was read.",
        hint="Wait until the build that writes the folder is done.",
    )


def _file_identity(found: os.stat_result) -> tuple[int, ...]:
    return (
        stat.S_IFMT(found.st_mode), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
    )  # fmt: skip


def _exclusion_note(kind: str, paths: list[str]) -> str:
    shown = ", ".join(escape_path(path) for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"Left out {len(paths)} {kind}{'s' if len(paths) > 1 else ''}: {shown}{more}."


def copy_source(source: Path, target: Path, selection: FileFilter) -> None:
    """Copy the chosen regular files with fresh modes and dates; the target must not exist yet."""
    survey = WalkReport()
    target.mkdir(parents=True)
    for file in walk_source(source, selection, survey):
        path = target / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read())
        path.chmod(0o755 if file.is_executable else 0o644)
    require_no_faults(survey)


def require_no_faults(survey: WalkReport) -> None:
    """Raise ArtifactError with everything that the walk found wrong."""
    faults = [*survey.faults, *check_package_size(survey.files, survey.unpacked)]
    if faults:
        raise ArtifactError("Cannot package the source: some of it cannot be in a package.", faults=faults)

"""Walks and copies a source folder without opening devices or leaving the folder; links inside it are followed.

Every file is opened relative to the descriptor of a folder that was opened without following links. The kernel then
refuses a link that replaces a file during the walk, which a check before the open could miss. A link that the walk
finds is resolved first; its target is then opened from the root in the same way.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts import package_rules
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter, is_compiled_beside_source
from semantest_iac.infrastructure.artifacts.package_rules import (
    are_safe_names,
    check_package_size,
    check_path,
    escape_path,
    find_unicode_duplicates,
)
from semantest_iac.infrastructure.artifacts.secret_files import holds_private_key, may_hold_private_key

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO that replaces the file must not block
MOST_NAMED = 20
_LONGEST_PATH = 180
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE})
_AGAIN_HINT = "Run the command again when nothing else writes there."
_EXCLUDE_HINT = "Replace it by what it points to, or leave it out with package.exclude."


class SourceFile(NamedTuple):
    """A regular file of the walk; it can be read only until the walk continues with the next folder.

    `path` is relative, `place` where it really lies.
    """

    path: str
    name: str
    stat: os.stat_result
    folder_descriptor: int
    place: str

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
            try:
                if _file_identity(os.fstat(descriptor)) != _file_identity(self.stat):
                    raise changed_source_error(self.place)
                content = os.read(descriptor, self.stat.st_size + 1)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise source_error(self.place, error) from error
        if len(content) != self.stat.st_size:
            raise changed_source_error(self.place)
        return content


@dataclass(slots=True)
class WalkReport:
    """What a walk found besides the files it yielded; without `is_bounded`, files of any size in all are accepted."""

    is_bounded: bool = True
    file_count: int = 0
    unpacked_bytes: int = 0
    newest_ns: int = 0
    dangling_links: list[str] = field(default_factory=list)
    special_files: list[str] = field(default_factory=list)
    generated_folders: list[str] = field(default_factory=list)
    secret_files: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, status: os.stat_result) -> None:
        self.file_count += 1
        self.unpacked_bytes += status.st_size
        self.newest_ns = max(self.newest_ns, status.st_ctime_ns)

    @property
    def is_over_limit(self) -> bool:
        is_too_large = self.is_bounded and self.unpacked_bytes > package_rules.MAX_UNPACKED_BYTES
        return is_too_large or len(self.faults) >= package_rules.MAX_REPORTED_FAULTS

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each kind of file that was left out, besides secret-looking ones."""
        kinds = (
            ("link to nothing", "links to nothing", self.dangling_links),
            ("special file", "special files", self.special_files),
            ("generated folder", "generated folders", self.generated_folders),
        )
        return tuple(_exclusion_note(one, many, paths) for one, many, paths in kinds if paths)


def note_secret_files(paths: Iterable[str]) -> tuple[str, ...]:
    """Return a note that names each secret-looking file once, and how to package one; folders end with a slash."""
    named = sorted(set(paths))
    if not named:
        return ()
    note = _exclusion_note("secret-looking file", "secret-looking files", named)
    files = [path for path in named if not path.startswith("../")]
    if not files:  # of another project, for which no pattern can be written
        return (note,)
    example = next((path for path in files if not path.endswith("/")), f"{files[0]}<file>")
    return (f"{note} To package one, name it: `package: {{include: [{escape_path(example)}]}}`.",)


def walk_source(
    root: Path, file_filter: FileFilter, report: WalkReport, boundary: Path | None = None
) -> Generator[SourceFile, None, None]:
    """Yield the selected files in the order of their path parts, and add everything else to the report.

    Links are followed if their target lies in `boundary`, which is the root unless it is given.
    """
    try:
        real_root, real_boundary = root.resolve(strict=True), (boundary or root).resolve(strict=True)
        location = real_root.relative_to(real_boundary).as_posix()
        with _open_folder(str(real_boundary)) as outer, _open_below(outer, location) as folder:
            start = "" if location == "." else location
            yield from _Walk(real_boundary, outer, start, file_filter, report).enter(folder, "", start)
    except OSError as error:
        raise source_error(str(root), error) from error


@contextmanager
def _open_folder(name: str, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, FOLDER_FLAGS, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _open_below(folder: int, path: str) -> Iterator[int]:
    """Open the folder at a relative path, one part after the other: none of them may be a link."""
    descriptor = os.dup(folder)
    try:
        for part in PurePosixPath(path).parts:
            inner = os.open(part, FOLDER_FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


class _Walk:
    """One walk: `location` is where a folder really lies in the boundary, `path` its place in the package."""

    def __init__(
        self, boundary: Path, descriptor: int, start: str, file_filter: FileFilter, report: WalkReport
    ) -> None:
        self._boundary, self._descriptor = boundary, descriptor
        self._base, self._start = str(boundary), f"{start}/" if start else ""
        self._filter, self._report = file_filter, report
        self._entered: list[str] = []

    def enter(self, folder: int, path: str, location: str) -> Iterator[SourceFile]:
        """Yield the files of an open folder and of everything below it."""
        prefix, around = f"{path}/" if path else "", f"{location}/" if location else ""
        entries = self._list_entries(folder, prefix, location)
        names = {entry.name for entry in entries}
        if path and self._filter.is_virtualenv_or_report(path, names, location):
            self._report.generated_folders.append(path)
            return
        self._entered.append(location)
        for entry in entries:
            if self._report.is_over_limit:
                break
            path, place = prefix + entry.name, around + entry.name
            if not self._select_or_report(path, place, entry, names):
                continue
            status = self._read_status(entry, place)
            if not stat.S_ISREG(status.st_mode):
                yield from self._visit(entry, status, folder, path, place)
            elif self._count_or_report(file := self._make_file(path, place, status, folder)):
                yield file
        self._entered.pop()

    def _select_or_report(self, path: str, location: str, entry: os.DirEntry[str], names: Set[str]) -> bool:
        name, is_folder, real = entry.name, entry.is_dir(follow_symlinks=False), self._find_name(location)
        if not self._filter.excludes(path, name, is_folder=is_folder, location=real):
            return not is_compiled_beside_source(name, names)
        if not self._filter.user_excludes(path):
            self._report_secret(path, name, is_folder=is_folder, location=real)
        return False

    def _report_secret(self, path: str, name: str, *, is_folder: bool, location: str) -> None:
        """Name a file that looks secret by where it really lies: links to it do not name it again."""
        if self._filter.is_secret(path, name, is_folder=is_folder, location=location):
            self._report.secret_files.append(f"{location}/" if is_folder else location)

    def _find_name(self, location: str) -> str:
        """Return the path from the root; that from the boundary for modules, which are laid out at other places."""
        if self._filter.place or location.startswith(self._start):
            return location if self._filter.place else location.removeprefix(self._start)
        return posixpath.relpath(location, self._start)

    def _visit(
        self, entry: os.DirEntry[str], status: os.stat_result, folder: int, path: str, location: str
    ) -> Iterator[SourceFile]:
        """Yield what lies behind an entry that is no file."""
        if stat.S_ISLNK(status.st_mode):
            yield from self._follow(path, location)
        elif stat.S_ISDIR(status.st_mode):
            yield from self._enter_subfolder(folder, entry.name, path, location)
        else:
            self._report.special_files.append(path)

    def _enter_subfolder(self, folder: int, name: str, path: str, location: str) -> Iterator[SourceFile]:
        if path.count("/") >= package_rules.MAX_FOLDER_DEPTH:
            reason = f"is nested deeper than {package_rules.MAX_FOLDER_DEPTH} folders"
            self._report.faults.append(Fault(escape_path(path), reason))
            return
        try:
            inner = os.open(name, FOLDER_FLAGS, dir_fd=folder)
        except OSError as error:
            if error.errno in _GONE:
                raise source_error(self._find_place(location), error) from error
            self._report.faults.append(Fault(escape_path(path), f"cannot be opened ({error.strerror})"))
            return
        try:
            yield from self.enter(inner, path, location)
        finally:
            os.close(inner)

    def _count_or_report(self, file: SourceFile) -> bool:
        """Count a regular file, unless it is one of the person's own and holds a private key."""
        real = self._find_name(file.place[len(self._base) + 1 :])
        is_own = not (self._filter.is_module(real) or self._filter.includes_by_name(file.path, real))
        if is_own and may_hold_private_key(file.name) and holds_private_key(file.read()):
            self._report.secret_files.append(real)
            return False
        self._report.add(file.stat)
        return True

    def _follow(self, path: str, location: str) -> Iterator[SourceFile]:
        """Yield what a link points to, under the link's own path."""
        try:
            target = (self._boundary / location).resolve(strict=True)
        except FileNotFoundError:
            self._report.dangling_links.append(path)
            return
        except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
            self._report.faults.append(Fault(escape_path(path), "is a link that leads back to itself", _EXCLUDE_HINT))
            return
        if not target.is_relative_to(self._boundary):
            reason = f"is a link to '{escape_path(str(target))}', outside of the source"
            self._report.faults.append(Fault(escape_path(path), reason, find_link_hint(target)))
            return
        yield from self._enter_target(path, target.relative_to(self._boundary).as_posix())

    def _enter_target(self, path: str, target: str) -> Iterator[SourceFile]:
        parent, _, name = target.rpartition("/")
        is_around = target == "." or any(f"{entered}/".startswith(f"{target}/") for entered in self._entered)
        if is_around:
            reason = "is a link to a folder that holds it: it cannot be followed"
            self._report.faults.append(Fault(escape_path(path), reason, _EXCLUDE_HINT))
            return
        try:
            with _open_below(self._descriptor, parent) as folder:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                is_folder = stat.S_ISDIR(status.st_mode)
                real = self._find_name(target)
                is_named = self._filter.includes_by_name(path, real)
                if not is_named and self._filter.excludes_target(real, name, is_folder=is_folder):
                    self._report_secret(real, name, is_folder=is_folder, location=real)
                elif is_folder:
                    yield from self._enter_subfolder(folder, name, path, target)
                elif not stat.S_ISREG(status.st_mode):
                    self._report.special_files.append(path)
                elif self._count_or_report(file := self._make_file(path, target, status, folder)):
                    yield file
        except OSError as error:
            raise source_error(self._find_place(target), error) from error

    def _make_file(self, path: str, location: str, status: os.stat_result, folder: int) -> SourceFile:
        return SourceFile(path, location.rpartition("/")[2], status, folder, self._find_place(location))

    def _list_entries(self, folder: int, prefix: str, location: str) -> list[os.DirEntry[str]]:
        """Return the folder's entries; raises ArtifactError for one that only looks empty: it was removed meanwhile."""
        entries = _list_entries(folder, prefix, self._report)
        if os.fstat(folder).st_nlink == 0:
            raise source_error(self._find_place(location), FileNotFoundError())
        return entries

    def _read_status(self, entry: os.DirEntry[str], location: str) -> os.stat_result:
        try:
            return entry.stat(follow_symlinks=False)
        except OSError as error:
            raise source_error(self._find_place(location), error) from error

    def _find_place(self, location: str) -> str:
        return f"{self._base}/{location}" if location else self._base


def find_link_hint(target: Path) -> str:
    """Return what to do about a link out of the source, by the tool that made it."""
    if ".pnpm" in target.parts:
        return (
            "`pnpm --filter <package> deploy --prod <folder>` makes a folder that holds everything: name it as source."
        )
    if "node_modules" in target.parts or (target / "package.json").is_file():
        return "`npm install --install-links` copies packages of other folders; or leave node_modules to this tool."
    return _EXCLUDE_HINT


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


def source_error(path: str, error: OSError) -> ArtifactError:
    """Return the error for a file that is gone since it was found, or that cannot be read."""
    if error.errno in _GONE or isinstance(error, FileNotFoundError):
        message = (
            f"Cannot package source '{_shorten(path)}': it is not there, or was replaced while the source was read."
        )
        return ArtifactError(message, hint=_AGAIN_HINT)
    hint = "Make it readable, or leave it out with package.exclude."
    return ArtifactError(f"Cannot read source '{_shorten(path)}': {error.strerror}.", hint=hint)


def changed_source_error(path: str) -> ArtifactError:
    message = f"Cannot package source '{_shorten(path)}': it changed while it was read."
    return ArtifactError(message, hint=_AGAIN_HINT)


@contextmanager
def name_source_errors(find_folders: Callable[[], Iterable[Path]]) -> Iterator[None]:
    """Raise what the system says of a file in one of the folders as an error that names it; others pass."""
    try:
        yield
    except OSError as error:
        written = error.filename if isinstance(error.filename, (str, bytes)) else ""
        path = os.fsdecode(written)
        around = (place for folder in find_folders() for place in (folder.absolute(), folder.resolve()))
        if not path or not any(Path(path).is_relative_to(folder) for folder in around):
            raise
        raise source_error(path, error) from error


def read_if_there(path: Path) -> bytes:
    """Return the content of a file that a source may have, nothing without it; raises OSError if it vanishes."""
    return path.read_bytes() if path.is_file() else b""


def _shorten(path: str) -> str:
    """Return the end of a long path, which names the file."""
    return escape_path(path if len(path) <= _LONGEST_PATH else f"…{path[-_LONGEST_PATH:]}")


def _file_identity(status: os.stat_result) -> tuple[int, ...]:
    return (
        stat.S_IFMT(status.st_mode), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    )  # fmt: skip


def _exclusion_note(kind: str, kinds: str, paths: Sequence[str]) -> str:
    listed = ", ".join(escape_path(path) for path in sorted(paths)[:MOST_NAMED])
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return f"Left out {len(paths)} {kind if len(paths) == 1 else kinds}: {listed}{more}."


def copy_source(
    source: Path, target: Path, file_filter: FileFilter, boundary: Path | None = None, *, is_bounded: bool = True
) -> WalkReport:
    """Copy the selected files with new modes and dates; the target must not exist yet. Returns what was left out."""
    report = WalkReport(is_bounded)
    target.mkdir(parents=True)
    for file in walk_source(source, file_filter, report, boundary):
        path = target / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read())
        path.chmod(0o755 if file.is_executable else 0o644)
    require_no_faults(report)
    return report


def require_no_faults(report: WalkReport) -> None:
    """Raise ArtifactError with everything that the walk found wrong."""
    faults = [*report.faults, *(check_package_size(report.unpacked_bytes) if report.is_bounded else ())]
    if faults:
        raise ArtifactError("Cannot package the source: some of its files cannot be in a package.", faults=faults)

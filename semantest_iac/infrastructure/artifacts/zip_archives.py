"""Writes reproducible zip files, and checks zip files that a user made before they are deployed unchanged.

The writer is not `zipfile`: it fits zlib's memory to each file, which halves the time for trees of small files
(measured: 6,000 files of 3 KB, 1.0 s of deflate against 0.5 s, with the same output size). Level 3 takes two thirds
of the time of level 6 for 8 % more bytes, and still fewer than `zip` writes.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.infrastructure.artifacts.package_rules import (
    MAX_REPORTED_FAULTS,
    MAX_UNPACKED_BYTES,
    MEBIBYTE,
    check_package_size,
    check_path,
    escape_path,
    find_blocked_paths,
    find_unicode_duplicates,
)
from semantest_iac.infrastructure.artifacts.secret_files import is_secret_folder, is_secret_name
from semantest_iac.infrastructure.artifacts.source_tree import changed_source_error, source_error
from semantest_iac.infrastructure.nested_text import parse_json

LOCAL_HEADER = struct.Struct("<4s5H3L2H")
CENTRAL_HEADER = struct.Struct("<4s6H3L5H2L")
END_RECORD = struct.Struct("<4s4H2LH")
END_RECORD_64 = struct.Struct("<4sQ2H2L4Q")
END_LOCATOR_64 = struct.Struct("<4sLQL")
MOST_FILES_OF_ZIP_32 = 0xFFFF - 1  # 0xFFFF says: the count is in the record of 64 bits
ZIP_64_VERSION = 45
ZIP_VERSION, MADE_ON_UNIX, UTF8_NAME_FLAG = 20, 3 << 8, 0x800
METHOD_STORED, METHOD_DEFLATED, COMPRESSION_LEVEL = 0, 8, 3
DOS_MIDNIGHT, DOS_FIRST_OF_1980 = 0, 33
REGULAR_FILE_MODE = 0o100000
MIN_WINDOW_BITS, MAX_WINDOW_BITS = 9, 15
ENCRYPTED_FLAG = 0x1
DEFAULT_ROUTE_PREFIX = "api"  # of the Functions host
_FUNCTION_FOLDER_FILE = re.compile(r"[^/]+/function\.json")
_INSTALLED = re.compile(r"(^|/)(node_modules|site-packages)/")
_ANEW_HINT = "Make the archive anew, with `zip -r` for example; or name the folder itself as source."
_CASE_HINT = "Azure's tools for Windows take both for one file: rename one of them."
ALLOWED_FILE_TYPES = (0, stat.S_IFREG, stat.S_IFDIR)  # 0: made on a system without Unix modes


class ReproducibleZip:
    """Writes an archive whose bytes depend on names, contents and execute bits alone.

    Call `add` in a fixed order, then `finish` once.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self._directory: list[bytes] = []
        self._offset = 0

    def add(self, path: str, content: bytes, *, executable: bool = False) -> None:
        """Append one file under a relative path that the caller has checked."""
        name = path.encode()
        method, packed = _compress(content)
        facts = (method, DOS_MIDNIGHT, DOS_FIRST_OF_1980, zlib.crc32(content), len(packed), len(content), len(name))
        mode = (REGULAR_FILE_MODE | (0o755 if executable else 0o644)) << 16
        entry = CENTRAL_HEADER.pack(
            b"PK\1\2", MADE_ON_UNIX | ZIP_VERSION, ZIP_VERSION, UTF8_NAME_FLAG, *facts, 0, 0, 0, 0, mode, self._offset
        )
        self._directory.append(entry + name)
        self._write(LOCAL_HEADER.pack(b"PK\3\4", ZIP_VERSION, UTF8_NAME_FLAG, *facts, 0) + name + packed)

    def finish(self) -> str:
        """Write the directory and return the sha256 of the whole file in hex."""
        directory, count, start = b"".join(self._directory), len(self._directory), self._offset
        self._write(directory)
        if count > MOST_FILES_OF_ZIP_32:
            self._write_end_of_64_bits(count, len(directory), start)
            count = MOST_FILES_OF_ZIP_32 + 1
        self._write(END_RECORD.pack(b"PK\5\6", 0, 0, count, count, len(directory), start, 0))
        return self._hash.hexdigest()

    def _write_end_of_64_bits(self, count: int, length: int, start: int) -> None:
        """Write the records of ZIP64 (APPNOTE 4.3.14 and 4.3.15), which can count more files."""
        end, following = self._offset, END_RECORD_64.size - 12
        version = (MADE_ON_UNIX | ZIP_64_VERSION, ZIP_64_VERSION)
        self._write(END_RECORD_64.pack(b"PK\6\6", following, *version, 0, 0, count, count, length, start))
        self._write(END_LOCATOR_64.pack(b"PK\6\7", 0, end, 1))

    def _write(self, data: bytes) -> None:
        self._target.write(data)
        self._hash.update(data)
        self._offset += len(data)


def _compress(content: bytes) -> tuple[int, bytes]:
    window = max(MIN_WINDOW_BITS, min(MAX_WINDOW_BITS, len(content).bit_length()))
    deflate = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, -window)
    packed = deflate.compress(content) + deflate.flush()
    return (METHOD_DEFLATED, packed) if len(packed) < len(content) else (METHOD_STORED, content)


@dataclass(frozen=True, slots=True)
class RequiredFile:
    """Files of which an archive must hold one, with the fault's path and hint for an archive without any."""

    names: Sequence[str]
    fault_path: str
    hint: str


@dataclass(frozen=True, slots=True)
class ZipRules:
    """What an archive must hold, and whether names that differ only in case are the same where it is unpacked."""

    required: Sequence[RequiredFile] = ()
    ignores_case: bool = False


def read_checked_zip(path: Path, rules: ZipRules) -> bytes:
    """Return the archive's bytes; raises ArtifactError with every reason not to deploy it."""
    content = _read_regular_file(path)
    entries = _read_directory(path, content)
    faults = [*_check_entries(entries, rules)] or [*_check_contents(entries, content)]
    if faults:
        raise _unsafe_error(path, faults)
    return content


def check_zip_entries(path: Path, rules: ZipRules) -> None:
    """Raise ArtifactError with what the directory of an archive shows, without unpacking it."""
    if faults := [*_check_entries(_read_directory(path, _read_regular_file(path)), rules)]:
        raise _unsafe_error(path, faults)


def find_secret_entries(path: Path) -> tuple[str, ...]:
    """Return the entries of an archive that look secret; none of an archive that cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return ()
    own = (name for name in names if not _INSTALLED.search(name))
    return tuple(name for name in own if any(map(is_secret_folder, name.split("/")[:-1])) or _is_secret_entry(name))


def _is_secret_entry(name: str) -> bool:
    return is_secret_name(name.rpartition("/")[2])


def _unsafe_error(path: Path, faults: Sequence[Fault]) -> ArtifactError:
    message = f"Cannot use package '{escape_path(path.name)}': it is not safe to deploy."
    return ArtifactError(message, hint=_ANEW_HINT, faults=faults[:MAX_REPORTED_FAULTS])


def _read_directory(path: Path, content: bytes) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, IndexError, struct.error) as error:
        message = f"Cannot use package '{escape_path(path.name)}': it is not a readable zip file."
        hint = f"It is another kind of file, or its end is missing. {_ANEW_HINT}"
        raise ArtifactError(message, hint=hint) from error


def _read_regular_file(path: Path) -> bytes:
    """Return all bytes of a regular file; a FIFO or device is refused without waiting for it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise source_error(str(path), error) from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_UNPACKED_BYTES:
            raise ArtifactError(f"Cannot use package '{path.name}': it is not a file of a usable size.")
        content = file.read(found.st_size + 1)
        if len(content) != found.st_size or os.fstat(descriptor).st_mtime_ns != found.st_mtime_ns:
            raise changed_source_error(str(path))
        return content


def _check_entries(entries: Sequence[zipfile.ZipInfo], rules: ZipRules) -> Iterator[Fault]:
    names = [entry.orig_filename for entry in entries]
    stripped = [name.removesuffix("/") for name in names]
    yield from filter(None, map(check_path, stripped))
    yield from _check_doubles(names, rules)
    yield from filter(None, map(_check_entry, entries))
    yield from _check_sizes(entries)
    for one_of in rules.required:
        if not set(one_of.names) & set(stripped):
            yield Fault(one_of.fault_path, f"the archive holds no {' or '.join(one_of.names)}", one_of.hint)


def _check_doubles(names: Sequence[str], rules: ZipRules) -> Iterator[Fault]:
    """Yield a fault for each name that an unpacked archive could not hold beside another one."""
    stripped = [name.removesuffix("/") for name in names]
    for one, other in find_unicode_duplicates(stripped):
        yield Fault(escape_path(one), f"is in the archive twice (as {other!a})")
    if rules.ignores_case:
        seen: dict[str, str] = {}
        for name in stripped:
            other = seen.setdefault(name.casefold(), name)
            if other != name:
                yield Fault(escape_path(name), f"differs from '{escape_path(other)}' only in case", _CASE_HINT)
    fold = str.casefold if rules.ignores_case else str
    files = {fold(name): name for name in names if not name.endswith("/")}
    folded = {fold(name): name for name in stripped}
    for path in find_blocked_paths(files.keys(), folded):
        yield Fault(escape_path(folded[path]), "is below a name that is a file in the archive")


def _check_entry(entry: zipfile.ZipInfo) -> Fault | None:
    name = escape_path(entry.orig_filename)
    if entry.flag_bits & ENCRYPTED_FLAG:
        return Fault(name, "is encrypted")
    if entry.compress_type not in (METHOD_STORED, METHOD_DEFLATED):
        return Fault(name, "is compressed by a method that clouds do not unpack", "Deflate is what they do.")
    if stat.S_IFMT(entry.external_attr >> 16) not in ALLOWED_FILE_TYPES:
        return Fault(name, "is a link or a special file")
    return None


def _check_sizes(entries: Sequence[zipfile.ZipInfo]) -> Iterator[Fault]:
    """Yield a fault for an archive that unpacks to too much, at its largest entry."""
    for fault in check_package_size(sum(entry.file_size for entry in entries)):
        largest = max(entries, key=lambda entry: entry.file_size)
        size = f"{largest.file_size // MEBIBYTE} MB of it here"
        yield Fault(escape_path(largest.orig_filename), f"{fault.message}, {size}", fault.hint)


def _check_contents(entries: Sequence[zipfile.ZipInfo], content: bytes) -> Iterator[Fault]:
    """Yield a fault for each entry that does not unpack to what the directory says."""
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        start = _find_data(entry, content)
        if start is None:
            problem = "is not where the directory of the archive says"
        elif entry.header_offset < end:
            problem = "shares its bytes with another entry"
        else:
            problem = _check_data(entry, content[start : start + entry.compress_size])
            end = start + entry.compress_size
        if problem:
            yield Fault(escape_path(entry.orig_filename), problem)


def _find_data(entry: zipfile.ZipInfo, content: bytes) -> int | None:
    """Return where the data of an entry begins, None if its own header is not there or has another name."""
    header = content[entry.header_offset : entry.header_offset + LOCAL_HEADER.size]
    if len(header) < LOCAL_HEADER.size:
        return None
    signature, *_, name_length, extra_length = LOCAL_HEADER.unpack(header)
    begin = entry.header_offset + LOCAL_HEADER.size
    name = content[begin : begin + name_length]
    is_named = name == entry.orig_filename.encode("utf-8" if entry.flag_bits & UTF8_NAME_FLAG else "cp437", "replace")
    return begin + name_length + extra_length if signature == b"PK\3\4" and is_named else None


def _check_data(entry: zipfile.ZipInfo, packed: bytes) -> str:
    """Return what is wrong with the data of an entry; it is unpacked no further than the directory says."""
    size, checksum = 0, 0
    try:
        for part in _unpack(packed, entry.compress_type):
            size, checksum = size + len(part), zlib.crc32(part, checksum)
            if size > entry.file_size:
                return "unpacks to more than the archive says"
    except (zlib.error, EOFError):
        return "the content is damaged"
    is_complete = (len(packed), size) == (entry.compress_size, entry.file_size)
    return "" if is_complete and checksum == entry.CRC else "the content does not match its checksum"


def _unpack(packed: bytes, method: int) -> Iterator[bytes]:
    if method == METHOD_STORED:
        yield packed
        return
    inflate, rest = zlib.decompressobj(-MAX_WINDOW_BITS), packed
    while not inflate.eof:
        part = inflate.decompress(rest, MEBIBYTE)
        rest = inflate.unconsumed_tail
        if not (part or rest or inflate.eof):
            raise EOFError
        yield part


def check_functions_app(path: Path, content: bytes, runtime: str) -> None:
    """Raise ArtifactError for an archive in which the Functions host would find no function."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if any(_FUNCTION_FOLDER_FILE.fullmatch(name) for name in names):
            return
        if runtime.startswith("python"):
            file, problem = "function_app.py", "" if "function_app.py" in names else "is not in the archive"
        else:
            file, problem = "package.json", _find_main_problem(archive, names)
    if problem:
        hint = "An app has this file (model v2 of Python, v4 of Node), or a folder with a function.json per function."
        message = f"Cannot use package '{path.name}': Azure would find no function in it."
        raise ArtifactError(message, faults=[Fault(file, problem, hint)])


def _find_main_problem(archive: zipfile.ZipFile, names: Sequence[str]) -> str:
    if "package.json" not in names:
        return "is not in the archive"
    try:
        package = parse_json(archive.read("package.json"))
    except ValueError:
        return "is not valid JSON"
    main = package.get("main") if isinstance(package, dict) else None
    return "" if main else "names no main file, which registers the functions"


def read_route_prefix(path: Path) -> str:
    """Return the prefix of every route in an app's host.json; `api` is the default of the Functions host."""
    try:
        with zipfile.ZipFile(path) as archive:
            settings = parse_json(archive.read("host.json"))
        return str(settings["extensions"]["http"]["routePrefix"])
    except (OSError, zipfile.BadZipFile, ValueError, LookupError, TypeError):
        return DEFAULT_ROUTE_PREFIX

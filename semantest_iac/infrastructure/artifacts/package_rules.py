"""Limits what a package may hold: names that every system can unpack, and Lambda's quotas for every cloud."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Set

from semantest_iac.domain.errors import Fault

FORBIDDEN_PATH_PARTS = frozenset({"", ".", ".."})
MAX_FILE_NAME_LENGTH = 255  # of every file system in use
MAX_PATH_BYTES = 1024  # as S3 and most tools allow
MEBIBYTE = 1024 * 1024
MAX_UNPACKED_BYTES = 250 * MEBIBYTE
MAX_DIRECT_UPLOAD_BYTES = 50 * MEBIBYTE  # AWS only: Azure takes every package from its storage
MAX_FOLDER_DEPTH = 60
MAX_REPORTED_FAULTS = 20  # a folder with ten thousand bad names is one problem, not ten thousand


def check_path(path: str) -> Fault | None:
    """Return the fault of a relative, slash-separated path, or None when every system can unpack it."""
    reason = _find_path_problem(path)
    return Fault(escape_path(path), reason) if reason else None


def are_safe_names(prefix: str, names: Iterable[str]) -> bool:
    """Return whether no name of a folder needs `check_path`: one test for nearly every folder."""
    joined = "".join(names)
    is_plain = joined.isascii() and joined.isprintable() and "\\" not in joined
    return is_plain and len(prefix) + MAX_FILE_NAME_LENGTH <= MAX_PATH_BYTES


def find_unicode_duplicates(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of names that are one name on systems that compose Unicode (macOS, some unzip tools)."""
    seen: dict[str, str] = {}
    found = []
    for name in names:
        composed = name if name.isascii() else unicodedata.normalize("NFC", name)
        if composed in seen:
            found.append((seen[composed], name))
        seen[composed] = name
    return found


def escape_path(path: str) -> str:
    """Return at most 200 printable characters of the path, with control and undecodable characters escaped."""
    return ascii(path)[1:-1][:200] if not path.isprintable() else path[:200]


def _find_path_problem(path: str) -> str:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in path):
        return "the name is not valid UTF-8"
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in path):
        return "the name holds a control character"
    if "\\" in path:
        return "the name holds a backslash"
    return _find_location_problem(path, len(path.encode()))


def _find_location_problem(path: str, length: int) -> str:
    if length > MAX_PATH_BYTES:
        return f"the path is longer than {MAX_PATH_BYTES} bytes"
    if path.startswith("/") or path[1:2] == ":":
        return "the path is absolute"
    if not FORBIDDEN_PATH_PARTS.isdisjoint(path.split("/")):
        return "the path leaves its root"
    return ""


def find_blocked_paths(files: Set[str], paths: Iterable[str]) -> list[str]:
    """Return the paths of which a folder is one of the files: no system can unpack both."""
    return sorted(path for path in paths if not files.isdisjoint(_folders_around(path)))


def _folders_around(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def check_package_size(unpacked: int) -> Iterator[Fault]:
    """Yield a fault for a package over Lambda's quota, which counts bytes and no files (Lambda quotas)."""
    if unpacked > MAX_UNPACKED_BYTES:
        hint = (
            "AWS Lambda unpacks no more, and a package is the same for every cloud; package.exclude leaves files out."
        )
        yield Fault("source", f"more than {MAX_UNPACKED_BYTES // MEBIBYTE} MB unpacked", hint)

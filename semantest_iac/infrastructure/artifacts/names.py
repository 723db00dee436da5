"""Which names a file inside a package may have."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from semantest_iac.domain.errors import Fault

ODD_PARTS = frozenset({"", ".", ".."})
LONGEST_NAME = 255  # of every file system in use
LONGEST_PATH = 1024  # bytes, as S3 and most tools allow


def fault_of_path(path: str) -> Fault | None:
    """What is wrong with a relative, slash-separated path; None when every system can unpack it."""
    reason = _reason(path)
    return Fault(printable(path), reason) if reason else None


def are_plain(prefix: str, names: Iterable[str]) -> bool:
    """Whether no name of one folder needs a closer look: one test for nearly every folder there is."""
    joined = "".join(names)
    is_plain = joined.isascii() and joined.isprintable() and "\\" not in joined
    return is_plain and len(prefix) + LONGEST_NAME <= LONGEST_PATH


def twins(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that are one name on systems that compose Unicode (macOS, some unzip tools)."""
    seen: dict[str, str] = {}
    found = []
    for name in names:
        composed = name if name.isascii() else unicodedata.normalize("NFC", name)
        if composed in seen:
            found.append((seen[composed], name))
        seen[composed] = name
    return found


def printable(path: str) -> str:
    """The path as it may be shown: bounded, and without bytes that are not text or move the cursor."""
    return ascii(path)[1:-1][:200] if not path.isprintable() else path[:200]


def _reason(path: str) -> str:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in path):
        return "the name is not valid UTF-8"
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in path):
        return "the name holds a control character"
    if "\\" in path:
        return "the name holds a backslash"
    return _reason_of_place(path, len(path.encode()))


def _reason_of_place(path: str, length: int) -> str:
    if length > LONGEST_PATH:
        return f"the path is longer than {LONGEST_PATH} bytes"
    if path.startswith("/") or path[1:2] == ":":
        return "the path is absolute"
    if not ODD_PARTS.isdisjoint(path.split("/")):
        return "the path leaves its root"
    return ""

"""Writes zip files whose bytes depend on names, contents and execute bits alone.

Not `zipfile`: zlib's memory is fitted to each file, which halves the time for trees of small files
(measured: 6,000 files of 3 KB, 1.0 s of deflate against 0.5 s, with the same output size). Level 3 takes
two thirds of the time of level 6 for 8 % more bytes, and still fewer than `zip` writes.
"""

from __future__ import annotations

import hashlib
import zlib
from struct import Struct
from typing import BinaryIO

LOCAL = Struct("<4s5H3L2H")
CENTRAL = Struct("<4s6H3L5H2L")
END = Struct("<4s4H2LH")
VERSION, UNIX, UTF8_NAME = 20, 3 << 8, 0x800
STORED, DEFLATED, LEVEL = 0, 8, 3
MIDNIGHT, FIRST_OF_1980 = 0, 33
REGULAR = 0o100000
SMALLEST_WINDOW, LARGEST_WINDOW = 9, 15


class ZipFile:
    """An archive in the making; `add` in a fixed order, then `finish` once."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self._directory: list[bytes] = []
        self._offset = 0

    def add(self, path: str, content: bytes, *, executable: bool = False) -> None:
        """Append one file under a relative path that the caller has checked."""
        name = path.encode()
        method, packed = _packed(content)
        facts = (method, MIDNIGHT, FIRST_OF_1980, zlib.crc32(content), len(packed), len(content), len(name))
        mode = (REGULAR | (0o755 if executable else 0o644)) << 16
        entry = CENTRAL.pack(b"PK\1\2", UNIX | VERSION, VERSION, UTF8_NAME, *facts, 0, 0, 0, 0, mode, self._offset)
        self._directory.append(entry + name)
        self._write(LOCAL.pack(b"PK\3\4", VERSION, UTF8_NAME, *facts, 0) + name + packed)

    def finish(self) -> str:
        """Write the directory and return the sha256 of the whole file in hex."""
        directory, count, start = b"".join(self._directory), len(self._directory), self._offset
        self._write(directory)
        self._write(END.pack(b"PK\5\6", 0, 0, count, count, len(directory), start, 0))
        return self._hash.hexdigest()

    def _write(self, data: bytes) -> None:
        self._target.write(data)
        self._hash.update(data)
        self._offset += len(data)


def _packed(content: bytes) -> tuple[int, bytes]:
    window = max(SMALLEST_WINDOW, min(LARGEST_WINDOW, len(content).bit_length()))
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -window)
    packed = deflate.compress(content) + deflate.flush()
    return (DEFLATED, packed) if len(packed) < len(content) else (STORED, content)

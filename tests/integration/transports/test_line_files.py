"""Listings of folders may leave out a file that is renamed while they are made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from semantest_iac.infrastructure.transports.line_files import FolderPosition, LineFiles


class FilesLeftOut(LineFiles):
    """Leaves the file `left_out` out of its listings."""

    left_out = ""

    def _list_files(self) -> Iterator[tuple[str, os.stat_result]]:
        return (found for found in super()._list_files() if found[0] != self.left_out)


def test_a_file_that_one_listing_leaves_out_is_not_read_again(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b"1\n")
    files, position = FilesLeftOut(tmp_path, "*.jsonl", 1024, lambda name: None), FolderPosition()

    def read() -> int:
        lines = files.read_lines(position)
        for line in lines:
            position.files[line.inode] = line.position_after
        return len(lines)

    taken = [read(), read(), read()]
    files.left_out = "a.jsonl"
    taken.append(read())
    known_once_missing = len(position.files)
    files.left_out = ""
    taken.append(read())
    files.left_out = "a.jsonl"
    taken += [read(), read()]

    assert (taken, known_once_missing, len(position.files)) == ([1, 1, 0, 0, 0, 0, 0], 2, 1)

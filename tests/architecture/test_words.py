"""Nothing that is kept names this or that machine, or puts work off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_FOLDERS = (".ci", "benchmarks", "docs", "events", "requirements", "semantest_iac", "tests", "tools")
_NOT_OURS = {".env", ".git"}  # .git is a file in a linked worktree
_POSTPONED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
_MACHINES = re.compile(r"(?<![\w.])/(?:ro" + r"ot|wo" + r"rk|Us" + r"ers|ho" + r"me/(?!site\b)\w+)/")


def _texts(root: Path) -> Iterator[tuple[str, str]]:
    paths = [*root.iterdir(), *(path for folder in _FOLDERS for path in (root / folder).rglob("*"))]
    for path in sorted(paths):
        is_ours = path.is_file() and path.name not in _NOT_OURS and "node_modules" not in path.parts
        content = path.read_bytes() if is_ours else b"\0"
        if b"\0" not in content:
            yield path.relative_to(root).as_posix(), content.decode()


class TestWords:
    def test_name_no_place_on_a_machine(self, root: Path) -> None:
        assert [path for path, text in _texts(root) if _MACHINES.search(text)] == []

    def test_postpone_nothing(self, root: Path) -> None:
        assert [path for path, text in _texts(root) if _POSTPONED.search(text)] == []

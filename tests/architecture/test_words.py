"""Nothing that is kept names this or that machine, or puts work off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_FOLDERS = (".ci", "benchmarks", "docs", "events", "requirements", "semantest_iac", "tests", "tools")
_BINARY = {".pyc", ".zip", ".gz", ".png"}
_POSTPONED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
_MACHINES = re.compile(r"(?<![\w.])/(?:ro" + r"ot|wo" + r"rk|Us" + r"ers|ho" + r"me/(?!site\b)\w+)/")


def _texts(root: Path) -> Iterator[tuple[str, str]]:
    kept = [path for path in root.iterdir() if path.is_file() and path.suffix not in _BINARY]
    for folder in _FOLDERS:
        kept += [p for p in (root / folder).rglob("*") if p.is_file() and p.suffix not in _BINARY]
    for path in sorted(kept):
        if "node_modules" not in path.parts and path.name not in {".coverage", ".env"}:
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


class TestWords:
    def test_name_no_place_on_a_machine(self, root: Path) -> None:
        assert [path for path, text in _texts(root) if _MACHINES.search(text)] == []

    def test_postpone_nothing(self, root: Path) -> None:
        assert [path for path, text in _texts(root) if _POSTPONED.search(text)] == []

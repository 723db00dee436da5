"""Decision records are numbered without gaps and have Nygard's four parts."""

from __future__ import annotations

import re
from pathlib import Path

_PARTS = ["Status", "Context", "Decision", "Consequences"]


class TestDecisions:
    def test_are_numbered_without_gaps(self, root: Path) -> None:
        numbers = sorted(path.name[:5] for path in (root / "docs" / "decisions").glob("*.md"))

        assert numbers == [f"{number:04}-" for number in range(1, len(numbers) + 1)]

    def test_have_the_four_parts(self, root: Path) -> None:
        records = sorted((root / "docs" / "decisions").glob("*.md"))
        parts = {path.name: re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.M) for path in records}

        assert {name: found for name, found in parts.items() if found != _PARTS} == {}

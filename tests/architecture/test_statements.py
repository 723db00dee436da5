"""SQL statements have placeholders without numbers.

From Python 3.12 on, SQLite's driver warns of numbers beside a sequence of values, and from 3.14 on it refuses them.
"""

from __future__ import annotations

import ast
import re

_NUMBERED = re.compile(r"(?<=[\s(=,|])\?[1-9]")


class TestPlaceholders:
    def test_have_no_numbers(self, all_modules: dict[str, ast.Module]) -> None:
        texts = {
            f"{path}:{node.lineno}": node.value
            for path, tree in all_modules.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }

        assert [place for place, text in texts.items() if _NUMBERED.search(text)] == []

    def test_would_be_found(self) -> None:
        assert _NUMBERED.search("select 1 where length(" + "?1) = " + "?1")

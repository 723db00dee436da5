"""Counts the lines of the rows that describe resource types: `python tools/count_type_rows.py [ROOT]`."""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

CLOUDS = "semantest_iac/infrastructure/simulated_cloud"


def row_lengths(folder: Path) -> Iterator[int]:
    """Yield the lines of each `AwsType(…).rule(…)`, `ArmType(…).rule(…)` and `TypeRule(…)` in the modules of types."""
    for file in sorted(folder.rglob("*.py")):
        if file.name == "resource_type.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and "rule" in (getattr(node.func, "attr", ""), _name_of(node.func)):
                yield (node.end_lineno or node.lineno) - node.lineno + 1


def _name_of(function: ast.expr) -> str:
    return "rule" if getattr(function, "id", "") == "TypeRule" else ""


if __name__ == "__main__":
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    for cloud in ("aws", "azure"):
        lengths = list(row_lengths(root / CLOUDS / cloud))
        print(f"{cloud}: {len(lengths)} rows, {sum(lengths)} lines, median {statistics.median(lengths)}")

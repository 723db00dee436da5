"""Measure every area, or the areas named as arguments; only a full run writes docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_REPORT = _HERE.parent / "docs" / "benchmarks.md"
_NOT_AREAS = {"__init__", "run", "timing"}
_INTRODUCTION = """\
# Figures

Written by `make bench`. Ours and the comparison are medians of `n` turns each, taken by turns in one run:
trust the ratios, which travel between machines, and not the times, which do not.
"""

Row = Mapping[str, Any]


def areas() -> list[str]:
    """The names of the areas present, sorted."""
    return sorted(path.stem for path in _HERE.glob("*.py") if path.stem not in _NOT_AREAS)


def section(area: str) -> str:
    """Measure one area; its heading, what it measures (its docstring) and its table."""
    module = import_module(f"benchmarks.{area}")
    title = area.replace("_", " ").capitalize()
    return f"## {title}\n\n{(module.__doc__ or '').strip()}\n\n{table(module.rows())}\n"


def table(rows: Iterable[Row]) -> str:
    """Markdown with a column per key, in order of appearance; a float is seconds, but for `ratio`."""
    rows = list(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ["---"] * len(columns), *([_cell(c, row.get(c, "")) for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    """What a reader must know to judge the times, and nothing that identifies the machine."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"Machine: {os.cpu_count()} cores, {platform.system()} {platform.machine()}, {python}.\n"


def main(chosen: list[str]) -> None:
    """Print each section as soon as it is measured."""
    sections = [_INTRODUCTION, machine()]
    for area in chosen or areas():
        sections.append(section(area))
        print(sections[-1], flush=True)
    if not chosen:
        _REPORT.write_text("\n".join(sections), encoding="utf-8")


def _cell(column: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value).replace("|", "\\|")
    if column == "ratio":
        return f"{value:.2f}"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


if __name__ == "__main__":
    main(sys.argv[1:])

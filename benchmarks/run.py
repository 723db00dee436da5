"""Measure every area, or the areas named as arguments, and write their sections of docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_REPORT = _HERE.parent / "docs" / "benchmarks.md"
_NOT_AREAS = {"__init__", "clients", "relay", "run", "timing"}
_INTRODUCTION = """\
# Benchmarks

Each area is measured beside what it is compared with, in one run: the ratios can be trusted, the times cannot.
`make bench` measures every area and writes this file; `make bench ARGS=startup` measures one, and writes its section.
"""

Row = Mapping[str, Any]


def areas() -> list[str]:
    """The names of the areas present, sorted."""
    return sorted(path.stem for path in _HERE.glob("*.py") if path.stem not in _NOT_AREAS)


def section(area: str) -> str:
    """Measure one area; its heading, what it measures (its docstring), its table, and its remark where it has one."""
    module = import_module(f"benchmarks.{area}")
    parts = [_heading(area), (module.__doc__ or "").strip(), table(module.rows()), getattr(module, "REMARK", "")]
    return "\n\n".join(filter(None, parts)) + "\n"


def written(report: str, measured: Mapping[str, str]) -> str:
    """The report with these sections in the place of what it had of their areas; the others stay."""
    found = {part.partition("\n")[0]: part for part in re.split(r"^(?=## )", report, flags=re.MULTILINE)[1:]}
    kept = {area: found[_heading(area)].strip() + "\n" for area in areas() if _heading(area) in found}
    sections = {**kept, **measured}
    return "\n".join([_INTRODUCTION, machine(), *(sections[area] for area in areas() if area in sections)])


def table(rows: Iterable[Row]) -> str:
    """Markdown with a column per key, in order of appearance; a float is seconds, but for `ratio`."""
    rows = list(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ["---"] * len(columns), *([_cell(c, row.get(c, "")) for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    """What a reader must know to judge the times, and nothing that identifies the machine."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"Machine of the newest section: {os.cpu_count()} cores, {platform.system()} {platform.machine()}, {python}.\n"
    )


def main(chosen: list[str]) -> None:
    """Print each section as soon as it is measured, and keep it."""
    for area in chosen or areas():
        measured = section(area)
        print(measured, flush=True)
        _REPORT.write_text(written(_REPORT.read_text("utf-8"), {area: measured}), "utf-8")


def _heading(area: str) -> str:
    return f"## {area.replace('_', ' ').capitalize()}"


def _cell(column: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value).replace("|", "\\|")
    if column == "ratio":
        return f"{value:.2f}"
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1000:.1f} ms" if value >= 0.01 else f"{value * 1000:.2f} ms"


if __name__ == "__main__":
    main(sys.argv[1:])

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

Each area is measured beside a comparison in one run: trust the ratios, not the times. `make bench` measures every area
and writes this file; `make bench ARGS=startup` measures one area and writes its section.
"""

Row = Mapping[str, Any]


def list_areas() -> list[str]:
    """The names of all areas, sorted."""
    return sorted(path.stem for path in _HERE.glob("*.py") if path.stem not in _NOT_AREAS)


def measure_section(area: str) -> str:
    """Measure one area and return its section: heading, docstring, table and remark."""
    module = import_module(f"benchmarks.{area}")
    parts = [_heading(area), (module.__doc__ or "").strip(), format_table(module.rows()), getattr(module, "REMARK", "")]
    return "\n\n".join(filter(None, parts)) + "\n"


def update_report(report: str, measured: Mapping[str, str]) -> str:
    """The report with the measured sections; other areas keep their section."""
    found = {part.partition("\n")[0]: part for part in re.split(r"^(?=## )", report, flags=re.MULTILINE)[1:]}
    unmeasured = {area: found[_heading(area)].strip() + "\n" for area in list_areas() if _heading(area) in found}
    sections = {**unmeasured, **measured}
    return "\n".join(
        [_INTRODUCTION, describe_machine(), *(sections[area] for area in list_areas() if area in sections)]
    )


def format_table(rows: Iterable[Row]) -> str:
    """A Markdown table with a column per key, in order of appearance; floats are seconds, except `ratio`."""
    rows = list(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ["---"] * len(columns), *([_cell(c, row.get(c, "")) for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def describe_machine() -> str:
    """The machine's cores, system and Python; nothing that identifies it."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"Machine of the newest section: {os.cpu_count()} cores, {platform.system()} {platform.machine()}, {python}.\n"
    )


def main(chosen: list[str]) -> None:
    """Measure areas; each section is printed and saved as soon as it is measured."""
    for area in chosen or list_areas():
        measured = measure_section(area)
        print(measured, flush=True)
        _REPORT.write_text(update_report(_REPORT.read_text("utf-8"), {area: measured}), "utf-8")


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

"""Rows as aligned columns of plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

GAP = "  "


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A line of titles and a line per row; the last column is not padded."""
    return aligned([[title.upper() for title in titles], *rows])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line per row, each column as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def moment(recorded: str) -> str:
    """A recorded time to the second."""
    return f"{recorded[:10]} {recorded[11:19]}Z" if recorded else "-"


def flattened(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of nested mappings and lists with its dotted path."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flattened(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value:
        for place, inner in enumerate(value):
            yield from flattened(inner, f"{path}[{place}]")
    else:
        yield path, _leaf(value)


def _leaf(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value in (None, (), [], {}) else str(value)

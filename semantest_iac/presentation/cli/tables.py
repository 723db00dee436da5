"""Tables, times and ids that fit the terminal: columns give way in the order of their importance, words stay whole."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal, NamedTuple

from semantest_iac.presentation.cli.formatting import COLUMN_GAP, align_columns

_SHORTEST_ID = 8
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_AGES_UP_TO_S = 30 * 86400
_STACKED_INDENT = "  "
_BREAKS = re.compile(r"(?<=[ ,])")


class Column(NamedTuple):
    """A column; where the table is too wide, the one with the highest `gives_way` is moved below its row, or left out.

    0 never gives way.
    """

    title: str
    gives_way: int = 0
    how: Literal["below", "out"] = "below"


def format_fitting_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return a line of titles and the rows, each with a line below it for what does not fit beside it."""
    shown, below = list(range(len(columns))), list[int]()
    table = [[column.title.upper() for column in columns], *rows]
    while width is not None and _table_width(table, shown) > width:
        movable = [index for index in shown if columns[index].gives_way]
        if not movable:
            break
        index = max(movable, key=lambda it: columns[it].gives_way)
        shown.remove(index)
        if columns[index].how == "below":
            below.append(index)
    lines = align_columns([[row[index] for index in shown] for row in table])
    stacked = [[], *(_lines_below([row[index] for index in sorted(below)], width) for row in rows)]
    return [text for line, more in zip(lines, stacked, strict=True) for text in (line, *more)]


class GrowingTable:
    """Formats rows that come one after the other: a column stays as wide as its longest cell so far."""

    def __init__(self, columns: Sequence[Column], width: int | None = None) -> None:
        self._columns = list(columns)
        self._width = width
        self._has_titles = False

    def add(self, rows: Iterable[Sequence[str]]) -> list[str]:
        """Return the lines of the rows, before the first ones the line of titles."""
        rows = list(rows)
        for index, cells in enumerate(zip(*rows, strict=True)):
            title = self._columns[index].title.ljust(max(map(len, cells)))
            self._columns[index] = self._columns[index]._replace(title=title)
        lines = format_fitting_table(self._columns, rows, self._width)
        is_first, self._has_titles = not self._has_titles, True
        return lines if is_first else lines[1:]


def _table_width(table: Sequence[Sequence[str]], shown: Sequence[int]) -> int:
    return sum(max(len(row[index]) for row in table) for index in shown) + len(COLUMN_GAP) * (len(shown) - 1)


def _lines_below(cells: Sequence[str], width: int | None) -> list[str]:
    """Return the cells on one line if they fit there, else on one line each; those that say nothing are left out."""
    cells = [cell for cell in cells if cell not in ("", "-")]
    line = _STACKED_INDENT + COLUMN_GAP.join(cells)
    if not cells or width is None or len(line) <= width:
        return [line] if cells else []
    return [_STACKED_INDENT + cell if len(cell) + len(_STACKED_INDENT) <= width else cell for cell in cells]


def format_pairs(pairs: Sequence[tuple[str, str]], width: int | None) -> list[str]:
    """Return a line per name and value; a value that does not fit beside its name stands below it."""
    lines = align_columns(pairs)
    if width is None or all(len(line) <= width for line in lines):
        return lines
    fitting = iter(align_columns([(name, value if _fits(pairs, value, width) else "") for name, value in pairs]))
    return [
        text
        for (_, value), line in zip(pairs, fitting, strict=True)
        for text in ((line,) if _fits(pairs, value, width) else (line, _STACKED_INDENT + value))
    ]


def _fits(pairs: Sequence[tuple[str, str]], value: str, width: int) -> bool:
    return max(len(name) for name, _ in pairs) + len(COLUMN_GAP) + len(value) <= width


def wrap_after(head: str, text: str, width: int | None) -> list[str]:
    """Return the text after its head, on as many lines as it needs below its beginning; breaks after spaces, commas.

    What has no such place and is too long for the rest of a line begins on a line of its own.
    """
    if width is None or len(head) + len(text) <= width:
        return [head + text]
    pieces = _BREAKS.split(text)
    indent = " " * len(head)
    if max(len(piece.rstrip()) for piece in pieces) > width - len(head):
        indent = _STACKED_INDENT * 2
    lines, line = [], head
    for piece in pieces:
        if len(line) + len(piece.rstrip()) > width and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += piece
    return [*lines, line.rstrip()]


def unique_id_length(ids: Collection[str]) -> int:
    """Return how many characters of each id distinguish it from all others, at least eight."""
    ordered = sorted(set(ids))
    common = (_common_length(one, other) for one, other in pairwise(ordered))
    return max(_SHORTEST_ID, 1 + max(common, default=0))


def _common_length(one: str, other: str) -> int:
    return next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


def format_age(recorded: str, now: datetime) -> str:
    """Format an ISO 8601 time as `5 min ago`, one of long ago as its local date; an empty one as `-`."""
    if not recorded:
        return "-"
    then = datetime.fromisoformat(recorded)
    seconds = max(0, int((now - then).total_seconds()))
    if seconds > _AGES_UP_TO_S:
        return f"{then.astimezone():%Y-%m-%d}"
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), _UNITS[-1])
    return f"{seconds // size} {unit} ago"


def format_local_time(recorded: str, now: datetime) -> str:
    """Format an ISO 8601 time as the local time of day, with the date if that is not today's."""
    then, today = datetime.fromisoformat(recorded).astimezone(), now.astimezone().date()
    return f"{then:%H:%M:%S}" if then.date() == today else f"{then:%m-%d %H:%M:%S}"


def utc_now() -> datetime:
    return datetime.now(UTC)

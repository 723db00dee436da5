"""The colours of operations, states and messages: one table for every command, and coloured lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

# Yellow and cyan cannot be read on a light background, and dim text on some dark ones: these can on both.
_ORANGE, _BLUE, _GREY = "color(166)", "color(31)", "color(244)"
STYLES: Mapping[str, str] = {
    "create": "green",
    "update": _ORANGE,
    "replace": "bold magenta",
    "delete": "bold red",
    "keep": _BLUE,
    "publish": _ORANGE,
    "completed": "green",
    "in_progress": _ORANGE,
    "verifying": _ORANGE,
    "rolling_back": _ORANGE,
    "awaiting_approval": _ORANGE,
    "rolled_back": _ORANGE,
    "superseded": _GREY,
    "cancelled": _ORANGE,
    "rejected": "red",
    "failed": "bold red",
    "needs_operator": "bold red",
    "error": "bold red",
    "warning": _ORANGE,
    "hint": _BLUE,
    "loss": "bold red",
    "detail": _GREY,
}
"""The style of each operation, state and kind of message; the words are those of `rich`."""

_REMARKS = {"Error:": "error", "Warning:": "warning", "Hint:": "hint"}
_CODES = {
    "bold": "1",
    "red": "31",
    "green": "32",
    "magenta": "35",
    _ORANGE: "38;5;166",
    _BLUE: "38;5;31",
    _GREY: "38;5;244",
}


class StyledLine(str):
    """A line of text whose `spans` (start, end, key in STYLES) are coloured on a terminal; plain text elsewhere."""

    spans: tuple[tuple[int, int, str], ...] = ()

    def cut(self, length: int) -> StyledLine:
        """Return the first characters of the line."""
        return _styled(self[:length], [(a, min(b, length), key) for a, b, key in self.spans if a < length])

    def render(self, escape: Callable[[str], str]) -> str:
        """Return the line with the terminal's codes; `escape` is applied to the text between them."""
        return "".join(_with_codes(escape(text), STYLES.get(key, "")) for text, key in self._parts())

    def _parts(self) -> Iterator[tuple[str, str]]:
        position = 0
        for start, end, key in self.spans:
            yield self[position:start], ""
            yield self[start:end], key
            position = end
        yield self[position:], ""


def style_text(text: str, key: str) -> StyledLine:
    """Return the text with the style of an operation, a state or a kind of message; plain for an unknown one."""
    return _styled(text, [(0, len(text), key)] if key in STYLES else [])


def join_styled(*parts: str) -> StyledLine:
    """Join parts to one line, in which each keeps its style."""
    spans: list[tuple[int, int, str]] = []
    position = 0
    for part in parts:
        spans += [(start + position, end + position, key) for start, end, key in getattr(part, "spans", ())]
        position += len(part)
    return _styled("".join(parts), spans)


def style_remark(line: str) -> str:
    """Return a line of an error, a warning or a hint with its first word in the colour of its kind."""
    word = line.split(" ", 1)[0]
    return join_styled(style_text(word, _REMARKS[word]), line[len(word) :]) if word in _REMARKS else line


def supports_color(stream: TextIO) -> bool:
    """Whether colours are shown there: a terminal that can, of a person who wants them (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _styled(text: str, spans: list[tuple[int, int, str]]) -> StyledLine:
    line = StyledLine(text)
    line.spans = tuple(spans)
    return line


def _with_codes(text: str, style: str) -> str:
    return f"\x1b[{';'.join(_CODES[word] for word in style.split())}m{text}\x1b[0m" if style and text else text

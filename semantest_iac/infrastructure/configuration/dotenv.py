"""`.env` files: one `NAME=value` a line, nothing expanded; text between quotes is kept as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from semantest_iac.domain.errors import Fault

_LINE = re.compile(r"(export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(#.*)?')
_SINGLE = re.compile(r"'([^']*)'\s*(#.*)?")
_COMMENT = re.compile(r"(^|\s)#.*")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Dotenv:
    """The variables of a file, the line of each, and the lines that are none."""

    variables: dict[str, str] = field(default_factory=dict, repr=False)
    lines: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def parse_dotenv(text: str, source: str) -> Dotenv:
    """Every variable, the last of a name winning; faults never show the line, which may hold a secret."""
    dotenv = Dotenv()
    for number, line in _lines(text):
        match = _LINE.fullmatch(line)
        value = _value(match["value"]) if match else None
        if match is None or value is None:
            hint = "Write NAME=value; close what is quoted on the same line."
            dotenv.faults.append(Fault("", "not a variable", hint, source, number, 1))
        else:
            dotenv.variables[match["name"]] = value
            dotenv.lines[match["name"]] = number
    return dotenv


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if (bare := line.strip()) and not bare.startswith("#"):
            yield number, bare


def _value(text: str) -> str | None:
    if text.startswith('"'):
        match = _DOUBLE.fullmatch(text)
        return match and _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), match[1])
    if text.startswith("'"):
        match = _SINGLE.fullmatch(text)
        return match and match[1]
    return _COMMENT.sub("", text).strip()

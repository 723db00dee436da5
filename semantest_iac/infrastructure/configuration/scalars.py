"""What a piece of plain text means: fewer things than YAML 1.1 would make of it.

Only `true` and `false` are booleans, only plain decimals are numbers, and nothing is a date: `no`, `on`, `012`,
`1e3` and `12:30` stay text. Variables of a component are text as written, so that `1.10` stays `1.10`.
"""

from __future__ import annotations

import re

from semantest_iac.infrastructure.configuration.layers import Path

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {"true": True, "false": False, "": None, "~": None, "null": None}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")


def is_variable(path: Path) -> bool:
    """True for `components.<name>.environment.<NAME>`."""
    return len(path) == 4 and path[0] == "components" and path[2] == "environment"


def scalar(text: str, path: Path) -> Scalar:
    """The value of unquoted text at a path."""
    if text in _WORDS and not (is_variable(path) and isinstance(_WORDS[text], bool)):
        return _WORDS[text]
    if is_variable(path):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text

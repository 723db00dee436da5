"""Parses JSON and TOML files that may hold anything: a text that is nested too deeply is invalid like any other."""

from __future__ import annotations

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text; raises ValueError for any other, also where Python's parser gives up."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("the text is nested too deeply") from error


def parse_toml(text: str) -> dict[str, Any]:
    """Return the content of a TOML text; raises ValueError for any other, also where Python's parser gives up."""
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("the text is nested too deeply") from error

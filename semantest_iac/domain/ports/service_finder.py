"""What is found in a folder of code that nobody has described yet: its services, and what starts each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class FoundService:
    """A service in a folder of code.

    `option` is the key of the component that starts it and `value` what it is set to; `file`, relative to the folder,
    is where that was found. Without an option, each of `handlers` is a function with a route of its own. `variables`
    are those without which the code does not start, `optional_variables` others that it reads.
    """

    folder: Path
    framework: str
    file: str
    option: Literal["app", "entry", "handler", ""]
    value: str = ""
    handlers: tuple[str, ...] = ()
    build: str = ""
    runtime: str = ""
    variables: tuple[str, ...] = ()
    optional_variables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

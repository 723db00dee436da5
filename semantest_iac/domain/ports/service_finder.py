"""What is found in a folder that no configuration describes yet: services in code, and what other tools deploy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from semantest_iac.domain.errors import Fault


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


@dataclass(frozen=True, slots=True)
class ConvertedConfiguration:
    """What another tool's files become: the values of a semantest.yaml.

    `left_out` is what could not be taken over, `differs` what was, and is not quite the same here; each with its place.
    `required_variables` are those that must be set on this machine, with what each is.
    """

    values: Mapping[str, Any]
    left_out: tuple[Fault, ...]
    differs: tuple[Fault, ...]
    required_variables: Mapping[str, str]

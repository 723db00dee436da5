"""What every section of the configuration file is made of: its base class, and how texts and lists are read."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

_Item = TypeVar("_Item")
FUNCTION_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def as_text(value: Any) -> Any:
    """Return a number or a truth value as text; other values as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Variable = Annotated[str, BeforeValidator(as_text, json_schema_input_type=str | float | bool)]
ListOf = Annotated[tuple[_Item, ...], BeforeValidator(_as_tuple)]


class Section(BaseModel):
    """A mapping in the file: frozen, without unknown keys, without conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

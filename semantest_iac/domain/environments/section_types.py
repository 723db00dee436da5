"""What sections of the configuration file are made of: base class, texts and lists, and what all APIs have."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_Item = TypeVar("_Item")
SECRET_REFERENCE = re.compile(r"\$\{secrets\.([^{}]*)\}")
FUNCTION_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def parse_secret_reference(value: str) -> str | None:
    """Return the name in a value that is `${secrets.name}` and nothing else."""
    match = SECRET_REFERENCE.fullmatch(value)
    return match.group(1) if match else None


def as_text(value: Any) -> Any:
    """Return a number or a truth value as text; other values as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _as_commands(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Commands = Annotated[tuple[str, ...], BeforeValidator(_as_commands, json_schema_input_type=str | list[str])]


Variable = Annotated[str, BeforeValidator(as_text, json_schema_input_type=str | float | bool)]
ListOf = Annotated[tuple[_Item, ...], BeforeValidator(_as_tuple)]


class Section(BaseModel):
    """A mapping in the file: frozen, without unknown keys, without conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


CorsMethod = Literal["*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Method = Literal["ANY", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _as_methods(value: Any) -> Any:
    """Read one word as a list of one, and words in any case."""
    words = [value] if isinstance(value, str) else value
    return (
        tuple(word.upper() if isinstance(word, str) else word for word in words) if isinstance(words, list) else words
    )


Methods = Annotated[
    tuple[Method, ...], BeforeValidator(_as_methods, json_schema_input_type=tuple[Method, ...] | Method)
]


class CorsSection(Section):
    """Which browser origins may call the API."""

    origins: ListOf[str] | None = Field(
        default=None,
        description="Origins such as https://app.semantest.com, none for no CORS; unset for those of the environment.",
    )
    methods: ListOf[CorsMethod] | None = Field(default=None, description="Allowed methods.")
    headers: ListOf[str] | None = Field(default=None, description="Allowed request headers.")
    credentials: bool | None = Field(default=None, description="Allow cookies and authorization headers.")
    max_age: int | None = Field(default=None, description="Seconds that a browser may remember the answer.")


class AuthorizerSection(Section):
    """The issuer of the JSON web tokens."""

    issuer: str = Field(description="HTTPS address of the token issuer.")
    audience: ListOf[str] = Field(description="Accepted audiences.")
    header: str | None = Field(default=None, description="Header that carries the token; Authorization by default.")

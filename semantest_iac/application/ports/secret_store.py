"""Where the values of secrets come from, at the last moment and for the shortest time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A value that no log, traceback or f-string shows; `expose` is the only way to it."""

    _value: str = field(repr=False)

    def __str__(self) -> str:
        return "***"

    def expose(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class SecretStore(Protocol):
    """Secrets by the name that `${secrets.name}` gives them."""

    def missing(self, names: Iterable[str]) -> list[str]:
        """Which of the names have no value, each once and sorted; reads no value out."""

    def reveal(self, name: str) -> SecretValue:
        """The value; raises NotFoundError with the variable to set."""

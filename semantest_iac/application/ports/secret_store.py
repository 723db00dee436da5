"""The secret store port: the values of secrets, read at the last moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from semantest_iac.domain.deployment.stack import Stack


@dataclass(frozen=True, slots=True)
class SecretValue:
    """The value of a secret, which logs, tracebacks and f-strings show as `***`; only `expose` returns it."""

    _value: str = field(repr=False)

    def __str__(self) -> str:
        return "***"

    def expose(self) -> str:
        """Return the value, for the call that needs it."""
        return self._value

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class SecretStore(Protocol):
    """Secrets by the name that `${secrets.name}` uses."""

    def of_stack(self, stack: Stack, versions: Mapping[str, str] | None = None) -> SecretStore:
        """Return the secrets as deployments of a stack get them: those that were set for it have these values.

        With `versions`, by secret, these and no others are taken for set.
        """

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return the sorted names that have no value; reads no value."""

    def reveal(self, name: str) -> SecretValue:
        """Return the value; raises NotFoundError with the variable to set."""

"""Secrets in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from semantest_iac.application.ports.secret_store import SecretValue
from semantest_iac.domain.errors import NotFoundError


class FakeSecretStore:
    """Holds what the test gives it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    def missing(self, names: Iterable[str]) -> list[str]:
        """The names without a value, sorted."""
        return sorted(set(names) - self.values.keys())

    def reveal(self, name: str) -> SecretValue:
        """The value."""
        if name not in self.values:
            raise NotFoundError(f"Cannot read secret '{name}': it is not set.")
        return SecretValue(self.values[name])

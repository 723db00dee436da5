"""Secrets in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from semantest_iac.application.ports.secret_store import SecretValue
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError


class FakeSecretStore:
    """A store of the secrets that the test gives it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    def of_stack(self, stack: Stack, versions: Mapping[str, str] | None = None) -> FakeSecretStore:
        return self

    def missing(self, names: Iterable[str]) -> list[str]:
        return sorted(set(names) - self.values.keys())

    def reveal(self, name: str) -> SecretValue:
        if name not in self.values:
            raise NotFoundError(f"Cannot read secret '{name}': it is not set.")
        return SecretValue(self.values[name])

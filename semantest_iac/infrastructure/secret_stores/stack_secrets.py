"""Gives deployments the values that were set in the store of their cloud, and those of variables for all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from semantest_iac.application.ports.secret_store import SecretStore, SecretValue
from semantest_iac.application.queries.secret_versions import SetSecret
from semantest_iac.domain.deployment.stack import Stack

FindSetSecret = Callable[[Stack, str], SetSecret | None]
ReadSetSecret = Callable[[Stack, SetSecret], SecretValue]


class StackSecretStore:
    """The variables, and for each stack the values that were set for it, which come first.

    `read_value` reads a version from the store of the cloud: once, as a version never changes.
    """

    def __init__(self, variables: SecretStore, find_set: FindSetSecret, read_value: ReadSetSecret) -> None:
        self._variables = variables
        self._find_set = find_set
        self._read_value = read_value

    def of_stack(self, stack: Stack) -> SecretStore:
        """Return the secrets as deployments of the stack get them."""
        return _SecretsOfStack(self._variables, stack, self._find_set, self._read_value)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return the names that have no variable, sorted."""
        return self._variables.missing(names)

    def reveal(self, name: str) -> SecretValue:
        """Return the value of the variable; raises NotFoundError."""
        return self._variables.reveal(name)


class _SecretsOfStack:
    def __init__(
        self, variables: SecretStore, stack: Stack, find_set: FindSetSecret, read_value: ReadSetSecret
    ) -> None:
        self._variables = variables
        self._stack = stack
        self._find_set = find_set
        self._read_value = read_value

    def of_stack(self, stack: Stack) -> SecretStore:
        return _SecretsOfStack(self._variables, stack, self._find_set, self._read_value)

    def missing(self, names: Iterable[str]) -> list[str]:
        return [name for name in self._variables.missing(names) if self._find_set(self._stack, name) is None]

    def reveal(self, name: str) -> SecretValue:
        change = self._find_set(self._stack, name)
        return self._variables.reveal(name) if change is None else self._read_value(self._stack, change)

"""Gives deployments the values that were set in the store of their cloud, and those of variables for all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from semantest_iac.application.ports.secret_store import SecretStore, SecretValue
from semantest_iac.application.queries.secret_versions import SetSecret
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import NotFoundError

FindSetSecret = Callable[[Stack, str, str], SetSecret | None]
"""Finds a version of a secret of a stack; the empty one is that which counts now."""
ReadSetSecret = Callable[[Stack, SetSecret], SecretValue]


class StackSecretStore:
    """The variables, and for each stack the values that were set for it, which come first.

    `read_value` reads a version from the store of the cloud.
    """

    def __init__(self, variables: SecretStore, find_set: FindSetSecret, read_value: ReadSetSecret) -> None:
        self._variables = variables
        self._find_set = find_set
        self._read_value = read_value

    def of_stack(self, stack: Stack, versions: Mapping[str, str] | None = None) -> SecretStore:
        """Return the secrets as deployments of the stack get them, or with these versions of those that were set."""
        return _SecretsOfStack(self, stack, versions)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return the names that have no variable, sorted."""
        return self._variables.missing(names)

    def reveal(self, name: str) -> SecretValue:
        """Return the value of the variable; raises NotFoundError."""
        return self._variables.reveal(name)

    def find_change(self, stack: Stack, name: str, version: str) -> SetSecret | None:
        """Return a version of a secret, or the one that counts now; None where the variable does.

        Raises NotFoundError for a version that was never set.
        """
        change = self._find_set(stack, name, version)
        if version and change is None:
            raise NotFoundError(f"Cannot find version '{version}' of secret '{make_printable(name)}' of '{stack}'.")
        return change

    def read(self, stack: Stack, change: SetSecret) -> SecretValue:
        """Return the value of a version."""
        return self._read_value(stack, change)


class _SecretsOfStack:
    def __init__(self, store: StackSecretStore, stack: Stack, versions: Mapping[str, str] | None) -> None:
        self._store = store
        self._stack = stack
        self._versions = versions

    def of_stack(self, stack: Stack, versions: Mapping[str, str] | None = None) -> SecretStore:
        return self._store.of_stack(stack, versions)

    def missing(self, names: Iterable[str]) -> list[str]:
        return [name for name in self._store.missing(names) if self._find_change(name) is None]

    def reveal(self, name: str) -> SecretValue:
        change = self._find_change(name)
        return self._store.reveal(name) if change is None else self._store.read(self._stack, change)

    def _find_change(self, name: str) -> SetSecret | None:
        if self._versions is None:
            return self._store.find_change(self._stack, name, "")
        version = self._versions.get(name, "")
        return self._store.find_change(self._stack, name, version) if version else None

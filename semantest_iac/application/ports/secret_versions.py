"""The port to the store of a cloud that keeps the values of secrets, each value as a version of its own."""

from __future__ import annotations

from typing import Protocol

from semantest_iac.application.ports.secret_store import SecretValue


class SecretVersions(Protocol):
    """Writes and reads versions of secrets that a deployment has created; `address` is that of the secret.

    Raises ProviderError where the store refuses, NotFoundError for a secret or a version that it does not have.
    """

    @property
    def largest_value(self) -> int:
        """The bytes in UTF-8 that a value may have."""
        ...

    def write(self, address: str, value: SecretValue) -> str:
        """Write a value as a new version and return its id.

        What is deployed goes on with the version that it has; a deployment brings another one to the functions.
        """
        ...

    def read(self, address: str, version: str) -> SecretValue:
        """Return the value of a version."""
        ...

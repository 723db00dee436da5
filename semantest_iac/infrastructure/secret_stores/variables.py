"""Reads secrets from variables: the process's environment, and the `.env` file read before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from semantest_iac.application.ports.secret_store import SecretValue
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import make_printable, secret_variable_name
from semantest_iac.domain.errors import NotFoundError


class VariableSecretStore:
    """Looks for `database_url` in `SEMANTEST_SECRET_DATABASE_URL` and nowhere else; an empty variable is not set.

    A plain DATABASE_URL does not count: it is meant for another program, and may be another database's.
    """

    def __init__(self, *sources: Mapping[str, str]) -> None:
        self._sources = sources  # the first source that has a secret wins

    def of_stack(self, stack: Stack, versions: Mapping[str, str] | None = None) -> VariableSecretStore:
        """Return this store: variables are those of all stacks."""
        return self

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return the names that no source has, sorted."""
        return sorted(name for name in set(names) if not self._find_value(name))

    def reveal(self, name: str) -> SecretValue:
        """Return the value of the first source that has one; raises NotFoundError."""
        if value := self._find_value(name):
            return SecretValue(value)
        hint = f"Set {secret_variable_name(name)} in the environment or in .env."
        raise NotFoundError(f"Cannot find secret '{make_printable(name)}': it is not set.", hint=hint)

    def _find_value(self, name: str) -> str:
        values = (source.get(secret_variable_name(name), "") for source in self._sources)
        return next(filter(None, values), "")

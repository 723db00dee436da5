"""The parts of the application that know secrets: their values, the stores that keep them, and the redactor."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from semantest_iac.bootstrap.engines import EngineContext, EngineEntry
from semantest_iac.bootstrap.ledger_database import LedgerDatabase
from semantest_iac.bootstrap.secrets.known_values import KnownSecretValues

if TYPE_CHECKING:
    from semantest_iac.application.ports.secret_store import SecretStore, SecretValue
    from semantest_iac.application.ports.secret_versions import SecretVersions
    from semantest_iac.application.queries.secret_versions import SetSecret
    from semantest_iac.application.secrets.stack_secrets import StackSecrets
    from semantest_iac.domain.blueprints.secret_access import SecretResources
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.ports.artifact_store import ArtifactStore
    from semantest_iac.domain.resource import DeployedResource


class SecretParts(LedgerDatabase, ABC):
    """Creates the stores of secrets on first use; `_secrets` replaces the variables of the configuration."""

    engines: Mapping[str, EngineEntry]
    _secrets: SecretStore | None

    @property
    @abstractmethod
    def artifact_store(self) -> ArtifactStore:
        """The store that keeps packages by their digests."""

    @cached_property
    def known_values(self) -> KnownSecretValues:
        """The values that this process has read or was given, which no output shows."""
        return KnownSecretValues()

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]:
        """Return a function that replaces the values of secrets in a text: those among the variables and known ones."""
        from semantest_iac.domain.environments.names import select_secret_values

        return self.known_values.redactor(frozenset(select_secret_values(variables).values()))

    def redactor_of_folder(self) -> Callable[[str], str]:
        """Return the redactor of the environment and the .env file, for commands that load no configuration."""
        return self.redactor(self.folder_variables)

    @property
    def folder_variables(self) -> dict[str, str]:
        """The variables of the environment and of the .env file in the current folder."""
        from semantest_iac.infrastructure.configuration.text_files import read_dotenv_variables

        return {**read_dotenv_variables(Path()), **os.environ}

    def secrets(self, variables: Mapping[str, str]) -> SecretStore:
        """Return the secrets in the variables of a loaded configuration, and for each stack those that were set."""
        if self._secrets is not None:
            return self._secrets
        from semantest_iac.infrastructure.secret_stores.stack_secrets import StackSecretStore
        from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore

        return StackSecretStore(VariableSecretStore(variables), self._find_set_secret, self._read_set_secret)

    def stack_secrets(self, variables: Mapping[str, str]) -> StackSecrets:
        """Return the use cases of secrets of deployed stacks."""
        from semantest_iac.application.deployment.recorder import EventRecorder
        from semantest_iac.application.secrets.stack_secrets import StackSecrets

        record = EventRecorder(self.ledger, self.redactor(variables)).record
        return StackSecrets(
            self.ledger,
            record,
            self.secrets(variables),
            self._open_secret_versions,
            partial(self._list_resources, variables),
            self._find_secret_resources,
        )

    def _find_set_secret(self, stack: Stack, name: str, version: str) -> SetSecret | None:
        from semantest_iac.application.queries.secret_versions import find_secret_version, find_set_secret

        if version:
            return find_secret_version(self.ledger, str(stack), name, version)
        return find_set_secret(self.ledger, str(stack), name)

    def _read_set_secret(self, stack: Stack, change: SetSecret) -> SecretValue:
        place = change.address, change.version
        if place not in self._read_values:
            value = self._open_secret_versions(stack).read(*place)
            self.known_values.add(value.expose())
            self._read_values[place] = value
        return self._read_values[place]

    @cached_property
    def _read_values(self) -> dict[tuple[str, str], SecretValue]:
        """The values that were read, by address and version."""
        return {}

    def _open_secret_versions(self, stack: Stack) -> SecretVersions:
        """Return the store of the cloud that the stack is in; raises RefusedError for a cloud without one here."""
        from semantest_iac.domain.errors import RefusedError
        from semantest_iac.infrastructure.clouds.registry import CLOUDS

        cloud, choice = CLOUDS[stack.provider], self._find_owner(stack)
        part = cloud.simulated_secret_store if choice.is_simulated else cloud.secret_store
        if not part:
            raise RefusedError(f"Cannot change secrets of '{stack}': its cloud describes no store.", "CLOUD_UNUSABLE")
        versions: SecretVersions
        if not choice.is_simulated:
            versions = cloud.load_part(part)(stack.region)
            return versions
        from semantest_iac.infrastructure.sandbox_engine.state.store import PassphraseCipher
        from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory

        clouds = cloud_factory(self.home / self.engines[choice.engine].simulated_cloud)
        versions = cloud.load_part(part)(clouds(cloud.package, stack.region), PassphraseCipher(self.home / "sandbox"))
        return versions

    def _find_secret_resources(self, stack: Stack) -> SecretResources:
        from semantest_iac.domain.errors import RefusedError
        from semantest_iac.infrastructure.clouds.registry import CLOUDS

        cloud = CLOUDS[stack.provider]
        if not cloud.secret_resources:
            message = f"Cannot read the secrets of '{stack}': its cloud does not describe them."
            raise RefusedError(message, "CLOUD_UNUSABLE")
        found: SecretResources = cloud.load_part(cloud.secret_resources)
        return found

    async def _list_resources(self, variables: Mapping[str, str], stack: Stack) -> Sequence[DeployedResource]:
        choice = self._find_owner(stack)
        entry = self.engines[choice.engine]
        context = EngineContext(self.home, choice, self.secrets(variables), self.artifact_store)
        return await entry.list_resources(entry.provisioner(context), stack)

    def _find_owner(self, stack: Stack) -> EngineChoice:
        from semantest_iac.application.queries.history import find_owning_engine
        from semantest_iac.domain.errors import NotFoundError

        choice = find_owning_engine(self.ledger, str(stack))
        if choice is None:
            raise NotFoundError(f"Cannot find secrets of '{stack}': it is not deployed.", hint="Deploy it first.")
        return choice

"""The part of the application that looks after the states of Pulumi's engine."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantest_iac.bootstrap.ledger_database import LedgerDatabase
from semantest_iac.domain.errors import LedgerError, RefusedError
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SIMULATED_CLOUD

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings
    from semantest_iac.infrastructure.pulumi_engine.state.maintenance import StateMaintenance

_HOME = "home"


class StateParts(LedgerDatabase, ABC):
    """Opens the backend of states, as the engine would for a stack."""

    @abstractmethod
    def configuration(self, **sources: Any) -> LoadedConfiguration:
        """Load the configuration."""

    def states(
        self, variables: Mapping[str, str], stack: str | None = None, cloud: str | None = None
    ) -> StateMaintenance:
        """Return what looks after the states of real clouds, or of those that are simulated in the home.

        A stack that the ledger knows decides, unless the cloud is named; raises RefusedError for one of the sandbox.
        """
        from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings
        from semantest_iac.infrastructure.pulumi_engine.state.maintenance import StateMaintenance

        is_simulated = (cloud or self._find_cloud(stack)) == SIMULATED_CLOUD
        settings = BackendSettings(self._engine_folder) if is_simulated else self._read_settings(variables)
        return StateMaintenance(settings, {**variables, **os.environ})

    def other_states(
        self,
        variables: Mapping[str, str],
        states: StateMaintenance,
        backend: str | None,
        provider: str | None,
        passphrase_file: Path | None,
    ) -> StateMaintenance:
        """Return the states of the backend to which those of another are moved: a URL, `home`, or None for the same."""
        from semantest_iac.infrastructure.pulumi_engine.state import backend_settings as known
        from semantest_iac.infrastructure.pulumi_engine.state.maintenance import StateMaintenance

        here = states.settings
        own = here.own_passphrase if here.own_passphrase.exists() else None
        file = passphrase_file or here.passphrase or (None if here.given_passphrase else own)
        url = here.backend if backend is None else "" if backend == _HOME else backend
        if not url:
            settings = known.BackendSettings(self._engine_folder, secrets_provider=provider or here.secrets_provider)
        else:
            named = {
                known.STATE_URL_VARIABLE: url,
                known.STATE_SECRETS_VARIABLE: provider or here.secrets_provider,
                known.STATE_PASSPHRASE_VARIABLE: str(file or ""),
                known.PASSPHRASE_VARIABLE: here.given_passphrase,
            }
            settings = known.read_backend_settings(self._engine_folder, {**variables, **os.environ, **named})
        return StateMaintenance(settings, {**variables, **os.environ})

    def change_secrets_provider(self, settings: BackendSettings, stack: str, provider: str) -> None:
        """Have the CLI encrypt the state of a stack by another provider of keys."""
        import asyncio

        from semantest_iac.domain.deployment.stack import Stack
        from semantest_iac.infrastructure.pulumi_engine.operations.outcomes import require_done
        from semantest_iac.infrastructure.pulumi_engine.operations.supervisor import EngineProcessSupervisor
        from semantest_iac.infrastructure.pulumi_engine.worker.ipc import Operation

        named = Stack.parse(stack)
        supervisor = EngineProcessSupervisor(replace(settings, secrets_provider=provider), lambda *_: "")

        async def change() -> None:
            require_done(await supervisor.run_operation(Operation("change_key", named)), named)

        asyncio.run(change())

    def with_state_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the variables with what the configuration of this folder says of the state."""
        from semantest_iac.infrastructure.configuration.loading import read_state_variables

        loaded = self.configuration(environ=os.environ)
        return {**read_state_variables(loaded.configuration), **variables}

    @property
    def _engine_folder(self) -> Path:
        return self.home / "pulumi"

    def _read_settings(self, variables: Mapping[str, str]) -> BackendSettings:
        from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import read_backend_settings

        return read_backend_settings(self._engine_folder, {**variables, **os.environ})

    def _find_cloud(self, stack: str | None) -> str:
        from semantest_iac.application.queries.history import find_owning_engine

        owner = None
        with suppress(LedgerError):  # a state can be restored while the ledger cannot be read
            owner = find_owning_engine(self.ledger, stack) if stack else None
        if owner and owner.engine != PULUMI_ENGINE:
            raise RefusedError(
                f"Cannot look after the state of '{stack}': it belongs to the engine '{owner.engine}'.",
                "ENGINE_UNSUITABLE",
                hint="`semantest-iac doctor --home` shows its condition, and `semantest-iac repair` mends it.",
            )
        return owner.cloud if owner else ""

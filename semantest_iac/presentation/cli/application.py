"""What the command line needs of the application; `__main__` hands over the class that has it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader

if TYPE_CHECKING:
    from semantest_iac.application.deployment.context import DeploymentContext
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.application.message_bus import Observer
    from semantest_iac.application.ports.run_queue import OnWait
    from semantest_iac.application.ports.secret_store import SecretStore
    from semantest_iac.domain.blueprints.capabilities import Capabilities
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.deployment.validation import ValidationService
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration
    from semantest_iac.domain.environments.settings import ComponentSettings
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.domain.networking.http_exchange import HttpRequest
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.domain.ports.provisioner import ReportProgress
    from semantest_iac.domain.ports.service_probe import ProbeAnswer


class RebuildableLedger(LedgerReader, Protocol):
    """A ledger whose projections can be made anew."""

    def rebuild(self) -> None:
        """Fold the whole log again."""
        ...


class Deployments(Protocol):
    """The use cases; DeploymentError is raised for what is refused at the door, a failure is a row."""

    async def deploy(
        self,
        stack: Stack,
        configuration: Mapping[str, Any],
        *,
        by: str = ...,
        settings: ComponentSettings | None = ...,
        batch: str | None = ...,
        on_wait: OnWait = ...,
    ) -> DeploymentRow:
        """Bring the stack to its configuration; `batch` is the id that the stacks of one command share."""
        ...

    async def preview(
        self, stack: Stack, configuration: Mapping[str, Any], *, settings: ComponentSettings | None = ...
    ) -> DeploymentContext:
        """What `deploy` would do."""
        ...

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        """What `destroy` would delete."""
        ...

    async def destroy(self, stack: Stack, *, by: str = ..., on_wait: OnWait = ...) -> DeploymentRow:
        """Delete everything of the stack."""
        ...

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Send one request through the stack's endpoint."""
        ...


class EnginePrerequisite(Protocol):
    """One thing that Pulumi's engine needs of this machine."""

    @property
    def name(self) -> str:
        """What it is, in the middle of a sentence."""
        ...

    def found(self) -> str | None:
        """Where it is; None where it is not, or does not fit."""
        ...

    def meet(self, tell: Callable[[str], None]) -> str:
        """Get it, telling each step; raises RefusedError with what was tried and the command that mends it."""
        ...


class GatewayLogEntry(Protocol):
    """One request that the gateway has answered."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def stack(self) -> str: ...

    @property
    def status(self) -> int: ...

    @property
    def seconds(self) -> float: ...

    @property
    def note(self) -> str: ...


class FunctionLogReader(Protocol):
    """Lines that functions printed."""

    def batches(self, stack: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """All that is kept, each with `time` and `text`; then, whenever it is asked, what came since."""
        ...


class CliApplication(Protocol):
    """Everything under one home folder; making one reads and writes nothing."""

    @property
    def home(self) -> Path:
        """The folder, which need not exist."""
        ...

    @property
    def providers(self) -> CloudDescriptions:
        """The clouds that there are, ours first; others are looked for when none of ours is meant."""
        ...

    def capabilities(self, provider: str) -> Capabilities:
        """What a cloud has of what blueprints ask for; raises RefusedError where it cannot be used here."""
        ...

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
        """What deploys the stack; raises RefusedError with all that is missing for it."""
        ...

    def account_stacks(self, stack: Stack, engine: EngineChoice) -> Sequence[str] | None:
        """The other stacks that have set what the stack's account has once; None where there is no such thing."""
        ...

    def needs(self, providers: Collection[str]) -> Sequence[EnginePrerequisite]:
        """What Pulumi's engine needs for these providers, in the order in which to get it; for none: for all here."""
        ...

    @property
    def ledger(self) -> RebuildableLedger:
        """The record of everything."""
        ...

    @property
    def validation(self) -> ValidationService:
        """The judge of configurations."""
        ...

    def configuration(self, **sources: Any) -> LoadedConfiguration:
        """The configuration with its faults beside it."""
        ...

    def configuration_schema(self) -> dict[str, Any]:
        """The JSON Schema of the configuration file."""
        ...

    def secrets(self, variables: Mapping[str, str]) -> SecretStore:
        """Where secrets are looked for."""
        ...

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]:
        """Takes the values of secrets out of text."""
        ...

    @property
    def function_logs(self) -> FunctionLogReader:
        """What functions printed on this machine."""
        ...

    def gateway(
        self, variables: Mapping[str, str], address: tuple[str, int], tell: Callable[[GatewayLogEntry], None]
    ) -> AbstractAsyncContextManager[str]:
        """The gateway before every simulated stack, as its URL; raises RefusedError where it cannot be had."""
        ...

    def deployments(
        self,
        variables: Mapping[str, str],
        *,
        engine: EngineChoice = ...,
        progress: ReportProgress = ...,
        observer: Observer | None = ...,
    ) -> Deployments:
        """The use cases, watched."""
        ...


ApplicationFactory = Callable[[Path], CliApplication]

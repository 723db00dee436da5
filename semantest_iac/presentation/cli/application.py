"""The part of the application that the command line uses; `__main__` passes in the class that implements it."""

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
    """A ledger whose projections can be rebuilt from its events."""

    def rebuild(self) -> None:
        """Rebuild the projections from the whole log."""
        ...


class Deployments(Protocol):
    """The use cases. A refused request raises DeploymentError; a deployment that failed is returned as its row."""

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
        """Deploy the stack; `batch` is the id that the stacks of one command share."""
        ...

    async def preview(
        self, stack: Stack, configuration: Mapping[str, Any], *, settings: ComponentSettings | None = ...
    ) -> DeploymentContext:
        """Return the plan of `deploy`, and what was found out for it, without changing anything."""
        ...

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        """Return the plan of `destroy` without changing anything."""
        ...

    async def destroy(self, stack: Stack, *, by: str = ..., on_wait: OnWait = ...) -> DeploymentRow:
        """Delete every resource of the stack."""
        ...

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Send one request through the stack's endpoint."""
        ...


class EnginePrerequisite(Protocol):
    """A program or plugin that the Pulumi engine needs on this machine."""

    @property
    def name(self) -> str:
        """The name, as it stands in the middle of a sentence."""
        ...

    def find(self) -> str | None:
        """Return its path; None if it is missing or has an unsuitable version."""
        ...

    def install(self, report: Callable[[str], None]) -> str:
        """Install it and return its path; raises RefusedError with what was tried and the command to run by hand."""
        ...


class GatewayLogEntry(Protocol):
    """A request that the gateway answered, as its log shows it."""

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
    """Reads the lines that functions printed."""

    def batches(self, stack: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Yield the stored lines, each with `time` and `text`; then, on every `next`, the lines added since."""
        ...


class CliApplication(Protocol):
    """The application under one home folder; its constructor reads and writes nothing."""

    @property
    def home(self) -> Path:
        """The home folder; it need not exist yet."""
        ...

    @property
    def providers(self) -> CloudDescriptions:
        """The known clouds, built-in ones first; clouds of other distributions are loaded on the first unknown name."""
        ...

    def capabilities(self, provider: str) -> Capabilities:
        """Return what a cloud supports; raises RefusedError if its packages are not installed."""
        ...

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
        """Choose the engine of the stack; raises RefusedError with everything that it lacks here."""
        ...

    def account_stacks(self, stack: Stack, engine: EngineChoice) -> Sequence[str] | None:
        """Return the other stacks that configured the same account; None if the stack configures no account."""
        ...

    def prerequisites(self, providers: Collection[str]) -> Sequence[EnginePrerequisite]:
        """List what the Pulumi engine needs for these providers, in installation order; without names, for all."""
        ...

    @property
    def ledger(self) -> RebuildableLedger:
        """The ledger of all events."""
        ...

    @property
    def validation(self) -> ValidationService:
        """The rules that a configuration must meet."""
        ...

    def configuration(self, **sources: Any) -> LoadedConfiguration:
        """Load the configuration; its faults are in the result."""
        ...

    def configuration_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the configuration file."""
        ...

    def secrets(self, variables: Mapping[str, str]) -> SecretStore:
        """Return the store that reads secrets from these variables."""
        ...

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]:
        """Return a function that replaces the values of secrets in a text."""
        ...

    @property
    def function_logs(self) -> FunctionLogReader:
        """The lines that functions printed on this machine."""
        ...

    def gateway(
        self, variables: Mapping[str, str], address: tuple[str, int], tell: Callable[[GatewayLogEntry], None]
    ) -> AbstractAsyncContextManager[str]:
        """Serve every simulated stack and yield the URL; raises RefusedError if the gateway cannot start."""
        ...

    def deployments(
        self,
        variables: Mapping[str, str],
        *,
        engine: EngineChoice = ...,
        progress: ReportProgress = ...,
        observer: Observer | None = ...,
    ) -> Deployments:
        """Return the use cases; events go to the observer and resource operations to `progress`."""
        ...


ApplicationFactory = Callable[[Path], CliApplication]

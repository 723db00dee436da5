"""The part of the application that the command line uses; `__main__` passes in the class that implements it.

Presentation must not import the class itself. The class documents its methods.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from semantest_iac.application.deployment.context import DeploymentContext
    from semantest_iac.application.drift.detection import DriftDetection
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.application.intake.infrastructure_event_bus import InfrastructureEventBus, ReportReceived
    from semantest_iac.application.intake.received_events import ReceivedEvent
    from semantest_iac.application.message_bus import Observer
    from semantest_iac.application.operators.approvals import Approvals
    from semantest_iac.application.operators.held_stacks import HeldStacks
    from semantest_iac.application.operators.queued_requests import QueuedRequests
    from semantest_iac.application.operators.shared_traffic import SharedTrafficDecisions
    from semantest_iac.application.ports.event_transports import DeadLetters, EventTarget, ReceivedMessage
    from semantest_iac.application.ports.home_parts import HomePart
    from semantest_iac.application.ports.ledger import Ledger
    from semantest_iac.application.ports.local_messages import LocalMessages
    from semantest_iac.application.ports.run_queue import RunQueue
    from semantest_iac.application.ports.secret_store import SecretStore
    from semantest_iac.application.ports.stack_states import StackStates
    from semantest_iac.application.reviews.cost_estimates import CostEstimator
    from semantest_iac.application.reviews.history_review import HistoryReview
    from semantest_iac.application.reviews.plan_reviewer import PlanReview, ShowReview
    from semantest_iac.application.secrets.stack_secrets import StackSecrets
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.application.worker import ReportRun
    from semantest_iac.application.worker_service import WorkerService, WorkerSettings
    from semantest_iac.domain.blueprints.capabilities import Capabilities
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.deployment.validation import ValidationService
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration
    from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
    from semantest_iac.domain.environments.settings import ComponentSettings
    from semantest_iac.domain.errors import Fault
    from semantest_iac.domain.guardrails.consent import ApprovePlan, ShowPlan
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice, EngineTraits
    from semantest_iac.domain.ports.artifact_builder import ArtifactBuilder
    from semantest_iac.domain.ports.artifact_store import ArtifactStore
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.domain.ports.provisioner import ReportProgress
    from semantest_iac.domain.ports.service_finder import ConvertedConfiguration, FoundService
    from semantest_iac.domain.security.permissions import GrantedPermissions, StackPermissions
    from semantest_iac.presentation.request_log import LogRequest


class EnginePrerequisite(Protocol):
    """A program, plugin or library that is needed on this machine."""

    @property
    def name(self) -> str: ...

    def find(self) -> str | None: ...

    def install(self, report: Callable[[str], None]) -> str: ...


class AccountCheckResult(Protocol):
    """Whether the account of a cloud allows something that deployments do."""

    @property
    def name(self) -> str: ...

    @property
    def ok(self) -> bool: ...

    @property
    def found(self) -> str: ...

    @property
    def advice(self) -> str: ...


class KnownValues(Protocol):
    """The values of secrets that no output of the process shows."""

    def add(self, value: str) -> None: ...


class FunctionLogReader(Protocol):
    """Reads the lines that functions printed."""

    def follow_batches(self, stack: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Yield the stored lines, each with `time` and `text`; then, on every `next`, the lines added since."""
        ...


class ConfigurationWriter(Protocol):
    """Makes a first configuration of code, or of the files of other tools."""

    def find_services(self, folder: Path) -> Sequence[FoundService]: ...

    def render_starter(
        self, project: str, provider: str, components: Mapping[str, FoundService | None], folder: Path
    ) -> str: ...

    def convert_serverless(self, file: Path, options: Mapping[str, str]) -> ConvertedConfiguration: ...

    def convert_pulumi_stack(self, file: Path) -> ConvertedConfiguration: ...

    def render_converted(self, converted: ConvertedConfiguration, source: str) -> str: ...


class CliApplication(Protocol):
    """The application under one home folder; its constructor reads and writes nothing."""

    policy_packs: tuple[Path, ...]

    @property
    def home(self) -> Path: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def run_queue(self) -> RunQueue: ...

    @property
    def folder_variables(self) -> Mapping[str, str]: ...

    def worker_service(
        self,
        variables: Mapping[str, str],
        settings: WorkerSettings,
        observer: Observer,
        report_run: ReportRun,
        report_received: ReportReceived,
    ) -> AbstractAsyncContextManager[WorkerService]: ...

    @property
    def dead_letters(self) -> DeadLetters: ...

    def read_message(self, message: ReceivedMessage) -> list[ReceivedEvent]: ...

    def event_targets(self, loaded: LoadedConfiguration) -> list[EventTarget]: ...

    def event_bus(
        self, variables: Mapping[str, str], file: Path | None = ..., overrides: Sequence[str] = ...
    ) -> InfrastructureEventBus: ...

    def queued_requests(self, variables: Mapping[str, str]) -> QueuedRequests: ...

    def approvals(self, variables: Mapping[str, str]) -> Approvals: ...

    def shared_traffic(self, variables: Mapping[str, str]) -> SharedTrafficDecisions: ...

    def held_stacks(self, variables: Mapping[str, str]) -> HeldStacks: ...

    @property
    def providers(self) -> CloudDescriptions: ...

    @property
    def engines(self) -> Mapping[str, EngineTraits]: ...

    @property
    def validation(self) -> ValidationService: ...

    @property
    def artifacts(self) -> ArtifactBuilder: ...

    @property
    def artifact_store(self) -> ArtifactStore: ...

    @property
    def function_logs(self) -> FunctionLogReader: ...

    @property
    def cost_estimator(self) -> CostEstimator: ...

    def review_preview(self, context: DeploymentContext) -> PlanReview: ...

    def review_destroy(self, stack: Stack, base_environment: str | None, plan: ChangePlan) -> PlanReview: ...

    @property
    def history_review(self) -> HistoryReview: ...

    def find_guardrail_faults(self, guardrails: GuardrailsSection) -> tuple[Fault, ...]: ...

    def capabilities(self, provider: str) -> Capabilities: ...

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice: ...

    def account_settings_stacks_in_region(self, stack: Stack, engine: EngineChoice) -> Sequence[str] | None: ...

    def prerequisites(self, providers: Collection[str]) -> Sequence[EnginePrerequisite]: ...

    def account_checks(self) -> Iterator[AccountCheckResult]: ...

    def permissions(self, stack: Stack, settings: ComponentSettings) -> StackPermissions: ...

    def granted_permissions(self, provider: str, document: Any) -> GrantedPermissions: ...

    def node_sdk(self) -> EnginePrerequisite: ...

    def configuration(self, **sources: Any) -> LoadedConfiguration: ...

    def configuration_schema(self) -> dict[str, Any]: ...

    @property
    def first_configurations(self) -> ConfigurationWriter: ...

    def inspect_home(self) -> list[HomePart]: ...

    def accept_ledger(self) -> HomePart: ...

    def save_export(self, path: Path, lines: Iterable[str]) -> None: ...

    def states(self, variables: Mapping[str, str], stack: str | None = ..., cloud: str | None = ...) -> StackStates: ...

    def other_states(
        self,
        variables: Mapping[str, str],
        states: Any,
        backend: str | None,
        provider: str | None,
        passphrase_file: Path | None,
    ) -> StackStates: ...

    def change_secrets_provider(self, settings: Any, stack: str, provider: str) -> None: ...

    def secrets(self, variables: Mapping[str, str]) -> SecretStore: ...

    def stack_secrets(self, variables: Mapping[str, str]) -> StackSecrets: ...

    @property
    def known_values(self) -> KnownValues: ...

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]: ...

    def redactor_of_folder(self) -> Callable[[str], str]: ...

    def gateway(
        self,
        variables: Mapping[str, str],
        address: tuple[str, int],
        log_request: LogRequest,
        *,
        host_names: Collection[str] = ...,
    ) -> AbstractAsyncContextManager[str]: ...

    async def gateway_keys(self, variables: Mapping[str, str], stack: Stack) -> Mapping[str, str]: ...

    def serving_address(self) -> str | None: ...

    def messages_address(self) -> str | None: ...

    def local_messages(self, variables: Mapping[str, str]) -> LocalMessages: ...

    def drift_detection(
        self, variables: Mapping[str, str], *, engine: EngineChoice, progress: ReportProgress
    ) -> DriftDetection: ...

    def deployments(  # noqa: PLR0913  # one parameter for each view
        self,
        variables: Mapping[str, str],
        *,
        engine: EngineChoice = ...,
        progress: ReportProgress = ...,
        observer: Observer | None = ...,
        approve_plan: ApprovePlan | None = ...,
        show_plan: ShowPlan | None = ...,
        show_review: ShowReview | None = ...,
    ) -> DeploymentUseCase: ...


ApplicationFactory = Callable[[Path], CliApplication]

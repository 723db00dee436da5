"""The application under one home folder, joined from its adapters."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from semantest_iac.bootstrap.engines import ENGINES, EngineContext, EngineEntry, function_logs
from semantest_iac.bootstrap.reviews.guardrails import GuardrailParts
from semantest_iac.bootstrap.secrets.secret_parts import SecretParts
from semantest_iac.bootstrap.states.state_parts import StateParts
from semantest_iac.domain.guardrails.engine_choice import SANDBOX_ENGINE, EngineChoice

if TYPE_CHECKING:
    from semantest_iac.application.drift.detection import DriftDetection
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.application.intake.infrastructure_event_bus import InfrastructureEventBus, ReportReceived
    from semantest_iac.application.intake.received_events import ReceivedEvent
    from semantest_iac.application.message_bus import Observer
    from semantest_iac.application.operators.approvals import Approvals
    from semantest_iac.application.operators.held_stacks import HeldStacks
    from semantest_iac.application.operators.queued_requests import QueuedRequests
    from semantest_iac.application.operators.shared_traffic import SharedTrafficDecisions
    from semantest_iac.application.ports.event_transports import EventTarget, ReceivedMessage
    from semantest_iac.application.ports.home_parts import HomePart
    from semantest_iac.application.ports.ledger import Ledger
    from semantest_iac.application.ports.local_messages import LocalMessages
    from semantest_iac.application.ports.run_queue import RunQueue
    from semantest_iac.application.ports.secret_store import SecretStore
    from semantest_iac.application.ports.stack_locks import StackLocks
    from semantest_iac.application.reviews.plan_reviewer import ShowReview
    from semantest_iac.application.use_cases import DeploymentUseCase, EnvironmentUseCase
    from semantest_iac.application.worker import ReportRun, Worker
    from semantest_iac.application.worker_service import WorkerService, WorkerSettings
    from semantest_iac.bootstrap.deployments import WorkerViews
    from semantest_iac.bootstrap.imports.first_configurations import FirstConfigurations
    from semantest_iac.domain.blueprints.capabilities import Capabilities
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.deployment.validation import ValidationService
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration
    from semantest_iac.domain.environments.settings import ComponentSettings
    from semantest_iac.domain.guardrails.consent import ApprovePlan, ShowPlan
    from semantest_iac.domain.guardrails.plan_review import ReviewPlan
    from semantest_iac.domain.ports.artifact_builder import ArtifactBuilder
    from semantest_iac.domain.ports.artifact_store import ArtifactStore
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.domain.ports.provisioner import Provisioner, ReportProgress
    from semantest_iac.domain.ports.service_probe import ServiceProbe
    from semantest_iac.domain.ports.timer import Timer
    from semantest_iac.domain.security.permissions import GrantedPermissions, StackPermissions
    from semantest_iac.infrastructure.clouds.account_checks import AccountCheck
    from semantest_iac.infrastructure.configuration.loading import ParsedConfiguration
    from semantest_iac.infrastructure.function_runtimes.runtime_libraries import NodeSdk
    from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
    from semantest_iac.infrastructure.local_service.local_services import ServingLimits
    from semantest_iac.infrastructure.pulumi_engine.cli.installation import Prerequisite
    from semantest_iac.presentation.gateway.services import ListenAddress, RunningGateway
    from semantest_iac.presentation.request_log import LogRequest


_WRITTEN = ("", "ledger.db", "cloud.db", "artifacts", "sandbox", "pulumi", "runtime", "tmp")
"""What a run writes to; each may be on a disk of its own."""


class MonotonicTimer:
    """The Timer of this machine's monotonic clock."""

    def read(self) -> float:
        return monotonic()

    async def pause(self, seconds: float) -> None:
        from asyncio import sleep

        await sleep(seconds)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Application(SecretParts, GuardrailParts, StateParts):
    """The application under one home folder; it creates each adapter that it was not given on first use.

    `secrets` replaces the variables of the configuration, `probe` the probe of every engine.
    """

    def __init__(  # noqa: PLR0913  # one parameter for each adapter
        self,
        home: Path,
        *,
        ledger: Ledger | None = None,
        run_queue: RunQueue | None = None,
        locks: StackLocks | None = None,
        engines: Mapping[str, EngineEntry] = ENGINES,
        artifacts: ArtifactBuilder | None = None,
        artifact_store: ArtifactStore | None = None,
        secrets: SecretStore | None = None,
        probe: ServiceProbe | None = None,
        timer: Timer | None = None,
        clock: Callable[[], datetime] = _utc_now,
        review_plan: ReviewPlan | None = None,
    ) -> None:
        super().__init__(home, ledger, run_queue)
        self.engines = engines
        self._locks = locks
        self._artifacts = artifacts
        self._artifact_store = artifact_store
        self._secrets = secrets
        self._probe = probe
        self._timer = timer
        self.clock = clock
        self.review_plan = review_plan

    @cached_property
    def stack_locks(self) -> StackLocks:
        """The locks that let one run at a time of this machine work on a stack."""
        if self._locks is not None:
            return self._locks
        from semantest_iac.infrastructure.stack_locks.lock_files import StackLockFiles

        return StackLockFiles(self.home / "locks", (self.home / name for name in _WRITTEN))

    @cached_property
    def artifacts(self) -> ArtifactBuilder:
        """The builder of packages."""
        if self._artifacts is not None:
            return self._artifacts
        from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

        return PackageBuilder(self.home, self.artifact_store)

    def artifacts_for(self, choice: EngineChoice) -> ArtifactBuilder:
        """Return the builder of packages for a cloud: images for real ones have their base and their dependencies."""
        if choice.is_simulated or self._artifacts is not None:
            return self.artifacts
        from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
        from semantest_iac.infrastructure.container_images.base_images import find_base_image

        return PackageBuilder(self.home, self.artifact_store, find_base_image)

    @cached_property
    def artifact_store(self) -> ArtifactStore:
        """The store that keeps packages by their digests: the home, or an object store if a variable has its URL."""
        if self._artifact_store is not None:
            return self._artifact_store
        from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder

        folder = PackageFolder(self.home / "artifacts", unpacked=self.home / "runtime")
        if url := os.environ.get("SEMANTEST_ARTIFACTS_URL"):
            from semantest_iac.infrastructure.artifact_stores.object_store import open_object_store

            return open_object_store(url, folder)
        return folder

    @cached_property
    def validation(self) -> ValidationService:
        """The rules for configurations, as of today."""
        from semantest_iac.domain.deployment.validation import ValidationService

        today, calendar = self.clock().date(), self.freeze_calendar
        return ValidationService(today, self.providers, self.capabilities, self.engines, calendar)

    def capabilities(self, provider: str) -> Capabilities:
        """Return what a cloud supports; raises RefusedError where it cannot be used on this machine."""
        from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud

        return find_cloud(provider).capabilities

    def configuration(self, **sources: Any) -> ParsedConfiguration:
        """Load the configuration; its faults are in the result. The keywords are those of ConfigurationSources."""
        from semantest_iac.infrastructure.configuration.loading import ConfigurationSources, read_configuration

        find_recorded = self._find_recorded_environments
        return read_configuration(ConfigurationSources(**{"find_recorded_environments": find_recorded, **sources}))

    def _find_recorded_environments(self) -> Mapping[str, str]:
        from semantest_iac.application.queries.history import find_recorded_environments

        return find_recorded_environments(self.ledger)

    def configuration_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the configuration file."""
        from semantest_iac.infrastructure.configuration.schema import schema_for

        return schema_for(self.providers, self.engines)

    @cached_property
    def first_configurations(self) -> FirstConfigurations:
        """What makes a first configuration of code, or of the files of other tools."""
        from semantest_iac.bootstrap.imports.first_configurations import FirstConfigurations

        return FirstConfigurations(self.clock().date())

    def inspect_home(self) -> list[HomePart]:
        """Return every part of the home with its condition, and how what is not intact can be repaired."""
        from semantest_iac.bootstrap.inspection.home_inspection import HomeInspection

        return HomeInspection(self.home, self.ledger, self.run_queue).inspect()

    def accept_ledger(self) -> HomePart:
        """Return the repair after which the home goes on with the ledger as it is."""
        from semantest_iac.bootstrap.inspection.home_inspection import HomeInspection

        return HomeInspection(self.home, self.ledger, self.run_queue).accept_ledger()

    def save_export(self, path: Path, lines: Iterable[str]) -> None:
        """Write an export, readable by its owner only, in place of an older one; raises StorageError."""
        from semantest_iac.infrastructure.durable_files import replace_lines

        replace_lines(path, lines)

    @property
    def providers(self) -> CloudDescriptions:
        """The known clouds, built-in ones first; those of other distributions are loaded for unknown names only."""
        from semantest_iac.infrastructure.clouds.registry import CLOUDS

        return CLOUDS

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
        """Choose the engine: the configured one, else the one that deployed the stack, else that of its environment.

        Raises RefusedError where it is not the engine that deployed the stack, or is missing something here.
        """
        from semantest_iac.application.queries.history import find_owning_engine
        from semantest_iac.domain.guardrails.engine_choice import (
            choose_engine,
            require_default_engine,
            require_same_engine,
            require_suitable_engine,
        )

        asked = configuration.engine, configuration.cloud
        before = find_owning_engine(self.ledger, str(stack))
        base = configuration.find_base_environment(stack.environment)
        if asked == (None, None) and before is None:
            require_default_engine(base, self.engines, stack.environment)
        choice = before if before and asked == (None, None) else choose_engine(base, *asked)
        require_suitable_engine(choice, self.engines)
        require_same_engine(str(stack), choice, before)
        self.engines[choice.engine].check_requirements(stack.provider, choice)
        return choice

    def account_settings_stacks_in_region(self, stack: Stack, engine: EngineChoice) -> Sequence[str] | None:
        """Return the other account stacks of the same region; None where the cloud has no account settings."""
        from semantest_iac.application.intake.account_notices import find_account_settings_stacks

        return find_account_settings_stacks(self.ledger, self.capabilities(stack.provider), stack, engine)

    def prerequisites(self, providers: Collection[str]) -> list[Prerequisite]:
        """List what the Pulumi engine requires for these providers; raises ValidationError for unknown ones."""
        from semantest_iac.bootstrap.inspection.machine_inspection import list_prerequisites_here

        return list_prerequisites_here(providers)

    def account_checks(self) -> Iterator[AccountCheck]:
        """Ask the clouds' tools on this machine whether the user's accounts allow deployments; may take seconds."""
        from semantest_iac.bootstrap.inspection.machine_inspection import check_accounts

        return check_accounts(self.configuration(environ=os.environ).configuration.project)

    def permissions(self, stack: Stack, settings: ComponentSettings) -> StackPermissions:
        """Return the rights that deploying a stack needs, and those that it gives; contacts no account."""
        from semantest_iac.bootstrap.inspection.machine_inspection import compute_permissions

        return compute_permissions(stack, settings)

    def granted_permissions(self, provider: str, document: Any) -> GrantedPermissions:
        """Read a document with what somebody may do, in the form of the cloud; raises RefusedError."""
        from semantest_iac.bootstrap.inspection.machine_inspection import read_granted_permissions

        return read_granted_permissions(provider, document)

    def node_sdk(self) -> NodeSdk:
        """Return the AWS SDK for JavaScript, which Node functions on Lambda find in their runtime."""
        from semantest_iac.bootstrap.inspection.machine_inspection import open_node_sdk

        return open_node_sdk()

    def deployments(  # noqa: PLR0913  # one parameter for each view
        self,
        variables: Mapping[str, str],
        *,
        engine: EngineChoice | None = None,
        progress: ReportProgress | None = None,
        observer: Observer | None = None,
        approve_plan: ApprovePlan | None = None,
        show_plan: ShowPlan | None = None,
        show_review: ShowReview | None = None,
    ) -> DeploymentUseCase:
        """Return the use cases on one engine; without a choice it is the sandbox, which real environments refuse.

        `observer` gets every recorded event, `progress` every operation on a resource and every step.
        `approve_plan` is asked before a real cloud is changed; without it, what replaces or deletes is rejected.
        `show_plan` gets every plan that changes something, before that, and `show_review` what guardrails find in it.
        """
        from semantest_iac.bootstrap.deployments import RunViews, build_deployments

        _remove_leftovers(self.home)
        views = RunViews(progress, observer, approve_plan, show_plan, show_review=show_review)
        available = self.engines if engine else [SANDBOX_ENGINE]
        return build_deployments(self, self._manifest, variables, engine or EngineChoice(), available, views)

    def worker(self, variables: Mapping[str, str], views: WorkerViews | None = None) -> Worker:
        """Return a worker that carries out queued requests of all engines."""
        from semantest_iac.bootstrap.deployments import build_worker

        _remove_leftovers(self.home)
        return build_worker(self, self._manifest, variables, views)

    def worker_service(
        self,
        variables: Mapping[str, str],
        settings: WorkerSettings,
        observer: Observer,
        report_run: ReportRun,
        report_received: ReportReceived,
    ) -> AbstractAsyncContextManager[WorkerService]:
        """Open a worker with what runs beside it; raises RefusedError where it cannot listen as it should.

        `observer` gets every event that it records, `report_run` what it does with each run, `report_received` what
        becomes of each message that it receives.
        """
        from semantest_iac.bootstrap.worker_service import open_worker_service

        where = self.with_state_variables(variables)
        return open_worker_service(self, where, settings, observer, report_run, report_received)

    def read_message(self, message: ReceivedMessage) -> list[ReceivedEvent]:
        """Return the events of a message; raises EventFormError with every fault."""
        from semantest_iac.presentation.subscribers.message_reader import read_message

        return read_message(message)

    def event_targets(self, loaded: LoadedConfiguration) -> list[EventTarget]:
        """Return every target of events of a configuration; raises DeploymentError for one that cannot be."""
        from semantest_iac.bootstrap.event_intake import open_event_targets

        return [target for target, _ in open_event_targets(loaded, self.secrets(loaded.variables))]

    def event_bus(
        self,
        variables: Mapping[str, str],
        file: Path | None = None,
        overrides: Sequence[str] = (),
        observers: Sequence[Observer] = (),
    ) -> InfrastructureEventBus:
        """Return the bus for received events, with the configuration of this folder or of a file."""
        from semantest_iac.bootstrap.event_intake import build_event_bus
        from semantest_iac.bootstrap.watched_configuration import watch_folder

        return build_event_bus(self, self._manifest, variables, watch_folder(self, file, overrides), observers)

    def queued_requests(self, variables: Mapping[str, str]) -> QueuedRequests:
        """Return the use case that cancels requests."""
        from semantest_iac.application.deployment.recorder import encode_event
        from semantest_iac.application.operators.queued_requests import QueuedRequests

        return QueuedRequests(self.run_queue, self.ledger, partial(encode_event, redact=self.redactor(variables)))

    def held_stacks(self, variables: Mapping[str, str]) -> HeldStacks:
        """Return the use case that frees held stacks."""
        from semantest_iac.application.deployment.recorder import EventRecorder
        from semantest_iac.application.operators.held_stacks import HeldStacks

        return HeldStacks(self.ledger, EventRecorder(self.ledger, self.redactor(variables)).record)

    def shared_traffic(self, variables: Mapping[str, str]) -> SharedTrafficDecisions:
        """Return the use case that promotes and returns new versions."""
        from semantest_iac.application.deployment.recorder import encode_event
        from semantest_iac.application.operators.shared_traffic import SharedTrafficDecisions

        encode = partial(encode_event, redact=self.redactor(variables))
        return SharedTrafficDecisions(self.ledger, self.run_queue, encode)

    def approvals(self, variables: Mapping[str, str]) -> Approvals:
        """Return the use case that approves and rejects plans."""
        from semantest_iac.application.deployment.recorder import encode_event
        from semantest_iac.application.operators.approvals import Approvals

        encode = partial(encode_event, redact=self.redactor(variables))
        return Approvals(self.ledger, self.run_queue, encode, self.clock)

    def drift_detection(
        self, variables: Mapping[str, str], *, engine: EngineChoice, progress: ReportProgress
    ) -> DriftDetection:
        """Return the use case that compares the clouds with what an engine has deployed there."""
        from semantest_iac.application.deployment.recorder import EventRecorder
        from semantest_iac.application.drift.detection import DriftDetection
        from semantest_iac.bootstrap.simulated_stacks import require_simulated_here
        from semantest_iac.domain.ports.provisioner import guard_progress

        provisioner, _ = self.connect(engine, variables)
        record = EventRecorder(self.ledger, self.redactor(variables)).record
        visible = partial(require_simulated_here, self)
        return DriftDetection(provisioner, self.ledger, record, guard_progress(progress), visible)

    def environments(self, variables: Mapping[str, str]) -> EnvironmentUseCase:
        """Return the use case that records the settings of environments, without an engine."""
        from semantest_iac.application.deployment.environment_configuration import EnvironmentConfigurator
        from semantest_iac.application.deployment.recorder import EventRecorder
        from semantest_iac.application.deployment.recovery import failure_event
        from semantest_iac.application.message_bus import MessageBus
        from semantest_iac.application.use_cases import EnvironmentUseCase

        record = EventRecorder(self.ledger, self.redactor(variables)).record
        bus = MessageBus(record, partial(failure_event, self.ledger))
        configurator = EnvironmentConfigurator(bus, self.ledger)
        return EnvironmentUseCase(self.validation, self.secrets(variables), configurator)

    @property
    def function_logs(self) -> FunctionLogFiles:
        """The logs of functions that run on this machine."""
        return function_logs(self.home)

    def gateway(
        self,
        variables: Mapping[str, str],
        address: ListenAddress,
        log_request: LogRequest,
        limits: ServingLimits | None = None,
        host_names: Collection[str] = (),
    ) -> RunningGateway:
        """Serve every simulated stack and yield the URL; raises RefusedError if the gateway cannot start.

        As long as it runs, `serving_address` finds it. `host_names` may stand in Host headers beside loopback names.
        """
        from semantest_iac.bootstrap.serving.local_serving import open_local_gateway

        return open_local_gateway(self, variables, address, log_request, limits, host_names)

    async def gateway_keys(self, variables: Mapping[str, str], stack: Stack) -> Mapping[str, str]:
        """Return the keys of the subscriptions of a simulated gateway, by their names."""
        from semantest_iac.bootstrap.serving.local_serving import read_gateway_keys

        return await read_gateway_keys(self, variables, stack)

    def serving_address(self) -> str | None:
        """Return the address at which a running `serve` answers for this home; None if there is none."""
        from semantest_iac.infrastructure.local_service.serving_addresses import find_address

        return find_address(self.home)

    def messages_address(self) -> str | None:
        """Return the address at which a running `serve` takes messages; None if there is none."""
        from semantest_iac.infrastructure.local_service.serving_addresses import MESSAGES_FOLDER, find_address

        return find_address(self.home, MESSAGES_FOLDER)

    def local_messages(self, variables: Mapping[str, str]) -> LocalMessages:
        """Return the messages of the queues and topics of simulated stacks."""
        from semantest_iac.bootstrap.serving.local_serving import open_local_messages

        return open_local_messages(self, variables)

    def connect(self, choice: EngineChoice, variables: Mapping[str, str]) -> tuple[Provisioner, ServiceProbe]:
        """Return the engine and the probe of what it deploys."""
        entry = self.engines[choice.engine]
        secrets, packs = self.secrets(variables), self.read_policy_packs(choice)
        context = EngineContext(
            self.home, choice, secrets, self.artifact_store, self.known_values.add, packs, variables
        )
        provisioner = entry.provisioner(context)
        return provisioner, self._probe or entry.probe(context, provisioner)

    @property
    def timer(self) -> Timer:
        """The clock by which runs pause."""
        return self._timer or MonotonicTimer()


def _remove_leftovers(home: Path) -> None:
    """Remove what killed commands left: drafts, the marks of `serve`, and the runs of Pulumi with their processes."""
    from semantest_iac.infrastructure.durable_files import list_draft_folders, remove_abandoned_drafts

    for folder in list_draft_folders(home):
        remove_abandoned_drafts(folder)
    if (home / "serving").is_dir():
        from semantest_iac.infrastructure.local_service.serving_addresses import find_address

        find_address(home)
    if any((runs := home / "pulumi" / "runs").glob("*")):
        from semantest_iac.infrastructure.pulumi_engine.runs import remove_abandoned_runs

        remove_abandoned_runs(runs)

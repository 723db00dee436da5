"""The use cases of deployments, joined for one choice of an engine; what belongs to one run is made for each run."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from semantest_iac.application.deployment.environment_configuration import EnvironmentConfigurator
from semantest_iac.application.deployment.plan_approval import PlanApproval
from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.deployment.recorder import EventRecorder, encode_event
from semantest_iac.application.deployment.recovery import failure_event
from semantest_iac.application.deployment.step_limits import (
    REAL_FIRST_PAUSE_S,
    SIMULATED_FIRST_PAUSE_S,
    StepLimiter,
)
from semantest_iac.application.deployment.traffic.traffic_shifting import TrafficShifter
from semantest_iac.application.handlers.change_deployed import change_deployed
from semantest_iac.application.handlers.configure_environment import configure_environment
from semantest_iac.application.handlers.deploy_account import deploy_account
from semantest_iac.application.handlers.deploy_platform import deploy_platform
from semantest_iac.application.handlers.deploy_rest_api import deploy_rest_api
from semantest_iac.application.handlers.deploy_websocket import deploy_websocket
from semantest_iac.application.handlers.destroy import destroy
from semantest_iac.application.intake.intake import Intake
from semantest_iac.application.intake.source_rules import LIMIT_VARIABLE, read_request_limit
from semantest_iac.application.message_bus import EventObservers, MessageBus, Observer
from semantest_iac.application.ports.run_queue import RunHolder, RunLease
from semantest_iac.application.queries.history import find_owning_engine
from semantest_iac.application.request_runner import RequestRunner
from semantest_iac.application.reviews.plan_reviewer import FindOwnGuardrails, ShowReview, show_after_review
from semantest_iac.application.run_executor import RunExecutor, RunScope
from semantest_iac.application.run_follower import RunFollower
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.application.worker import LEASE_S, ReportRun, Worker, report_nothing
from semantest_iac.bootstrap.serving.message_removal import remove_messages_of_destroyed
from semantest_iac.bootstrap.simulated_stacks import SimulatingHome, require_simulated_here
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.verification import (
    REAL_HEALTH_TIMEOUT_S,
    SIMULATED_HEALTH_TIMEOUT_S,
    ServiceVerifier,
)
from semantest_iac.domain.guardrails.approval_rules import FindApprovalRules
from semantest_iac.domain.guardrails.consent import (
    ApprovePlan,
    ShowPlan,
    approve_any_plan,
    approve_harmless_plan,
    refuse_lost_state,
    show_before_approval,
)
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, read_engine_choice
from semantest_iac.domain.ports.provisioner import ReportProgress, guard_progress, ignore_progress
from semantest_iac.infrastructure.process_starts import identify_process
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested, RollbackRequested, ScalingTriggered

if TYPE_CHECKING:
    from datetime import datetime

    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.application.operators.held_stacks import HeldStacks
    from semantest_iac.application.ports.ledger import Ledger, LedgerReader, NewEvent
    from semantest_iac.application.ports.run_queue import RunQueue
    from semantest_iac.application.ports.secret_store import SecretStore
    from semantest_iac.application.ports.stack_locks import StackLocks
    from semantest_iac.application.reviews.plan_reviewer import PlanReviewer
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.deployment.validation import ValidationService
    from semantest_iac.domain.guardrails.plan_review import ReviewPlan
    from semantest_iac.domain.ports.artifact_builder import ArtifactBuilder
    from semantest_iac.domain.ports.artifact_store import ArtifactStore
    from semantest_iac.domain.ports.provisioner import Provisioner
    from semantest_iac.domain.ports.service_probe import ServiceProbe
    from semantest_iac.domain.ports.timer import Timer
    from semantest_iac.infrastructure.home_manifest import HomeManifest
    from semantest_iac_events.event import Event


# For how long a new service is asked whether it is healthy, and the first pause before another try of a step.
_REAL_PATIENCE = REAL_HEALTH_TIMEOUT_S, REAL_FIRST_PAUSE_S
_SIMULATED_PATIENCE = SIMULATED_HEALTH_TIMEOUT_S, SIMULATED_FIRST_PAUSE_S

RETRY_PAUSE_S = 10.0
"""How long a worker leaves a run alone that it could not carry on, such as on a full disk; longer each time."""


class ApplicationParts(SimulatingHome, Protocol):
    """What all use cases of an application share."""

    @property
    def run_queue(self) -> RunQueue: ...

    @property
    def stack_locks(self) -> StackLocks: ...

    def artifacts_for(self, choice: EngineChoice) -> ArtifactBuilder: ...

    @property
    def artifact_store(self) -> ArtifactStore: ...

    @property
    def validation(self) -> ValidationService: ...

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]: ...

    def secrets(self, variables: Mapping[str, str]) -> SecretStore: ...

    def held_stacks(self, variables: Mapping[str, str]) -> HeldStacks: ...

    def connect(self, choice: EngineChoice, variables: Mapping[str, str]) -> tuple[Provisioner, ServiceProbe]: ...

    @property
    def timer(self) -> Timer: ...

    def configuration(self, **sources: Any) -> LoadedConfiguration: ...

    @property
    def find_own_rules(self) -> FindApprovalRules: ...

    @property
    def review_plan(self) -> ReviewPlan | None: ...

    @property
    def plan_reviewer(self) -> PlanReviewer: ...

    @property
    def clock(self) -> Callable[[], datetime]: ...


FollowProgress = Callable[[RunLease], ReportProgress]
"""Returns what takes the progress of one run."""

PlaceEngine = Callable[["EngineChoice", "Provisioner"], "Provisioner"]
"""Returns an engine that works elsewhere in place of this one, or this one."""


class RunViews(NamedTuple):
    """Who sees and approves what runs do; the names are those of `Application.deployments`.

    `find_own_rules` says which plans must be approved whatever a request says, and `find_own_guardrails` what judges
    them; by default the configuration of the folder does.
    """

    progress: ReportProgress | None = None
    observer: Observer | None = None
    approve_plan: ApprovePlan | None = None
    show_plan: ShowPlan | None = None
    follow_run: FollowProgress | None = None
    place_engine: PlaceEngine | None = None
    find_own_rules: FindApprovalRules | None = None
    show_review: ShowReview | None = None
    find_own_guardrails: FindOwnGuardrails | None = None


class WorkerViews(NamedTuple):
    """Who sees what a worker does: the events that it records, what becomes of each run, and the progress of each.

    `place_engine` decides in which process an engine works. The rules are as in RunViews.
    """

    observers: Sequence[Observer] = ()
    report_run: ReportRun = report_nothing
    follow_run: FollowProgress | None = None
    place_engine: PlaceEngine | None = None
    find_own_rules: FindApprovalRules | None = None
    find_own_guardrails: FindOwnGuardrails | None = None


def _take_records_as_set(records: Sequence[str]) -> bool:
    """Take what a deployment has listed as set before the next one: no record of a simulated stack is anywhere."""
    return True


def _have_records(records: Sequence[str]) -> bool:
    from semantest_iac.infrastructure.cloud_programs.dns_records import have_records

    return have_records(records)


class EngineRuns:
    """What the runs on one engine share, and how the bus and the process of each are made."""

    def __init__(  # one parameter for each thing that is handed in
        self,
        application: ApplicationParts,
        manifest: HomeManifest,
        observers: EventObservers,
        variables: Mapping[str, str],
        choice: EngineChoice,
        views: RunViews,
    ) -> None:
        self._follow_run = views.follow_run
        self.choice = choice
        self.progress = guard_progress(views.progress) if views.progress else ignore_progress
        self._application = application
        self._manifest = manifest
        self._observers = observers
        self._redact = application.redactor(variables)
        provisioner, self.probe = application.connect(choice, variables)
        self._traffic = application.engines[choice.engine].traffic(application.home, provisioner, self.probe)
        provisioner = views.place_engine(choice, provisioner) if views.place_engine else provisioner
        timeout_s, pause_s = _SIMULATED_PATIENCE if choice.is_simulated else _REAL_PATIENCE
        verifier = ServiceVerifier(self.probe, application.timer, timeout_s)
        self._limiter = StepLimiter(application.timer, pause_s)
        self._service = DeploymentService(
            provisioner,
            application.artifacts_for(choice),
            application.artifact_store,
            self.probe,
            verifier,
            _take_records_as_set if choice.is_simulated else _have_records,
        )
        secrets = application.secrets(variables)
        self._prepare = partial(Preparation, application.validation, secrets, self._service, self._limiter)
        self.preparation = self._prepare(self.progress)
        self._approval = _choose_approval(choice, views, application)

    def encode(self, event: Event) -> NewEvent:
        """Return the recorded form of an event."""
        return encode_event(event, self._redact)

    def open_process(
        self, ledger: Ledger, progress: ReportProgress | None = None
    ) -> tuple[MessageBus, DeploymentProcess]:
        """Return a bus that records in this ledger, and the process that publishes on it."""
        record = EventRecorder(ledger, self._redact).record
        bus = MessageBus(record, partial(failure_event, ledger), self._observers)
        preparation = self._prepare(progress) if progress else self.preparation
        reported = progress or self.progress
        shifter = TrafficShifter(ledger, self._traffic, self._application.clock)
        process = DeploymentProcess(
            preparation, self._service, bus, ledger, reported, self._limiter, self._approval, shifter
        )
        return bus, process

    def open_run(self, lease: RunLease, request: StackRequest) -> RunScope:
        """Return what one run needs; the home notes the engine that its stack is left to."""
        if isinstance(request, DeploymentRequested):
            self._manifest.note_stack(request.stack, self.choice.engine)
        progress = guard_progress(self._follow_run(lease)) if self._follow_run else None
        bus, process = self.open_process(self._application.run_queue.open_ledger(lease), progress)
        _register_handlers(bus, process, EnvironmentConfigurator(bus, self._application.ledger))
        return RunScope(bus, self.choice)


def build_deployments(
    application: ApplicationParts,
    manifest: HomeManifest,
    variables: Mapping[str, str],
    choice: EngineChoice,
    available_engines: Collection[str],
    views: RunViews,
) -> DeploymentUseCase:
    """Return the use cases on one engine."""
    ledger, queue = application.ledger, application.run_queue
    remove_messages = remove_messages_of_destroyed(application.home)
    observers = EventObservers(remove_messages, *([views.observer] if views.observer else ()))
    runs = EngineRuns(application, manifest, observers, variables, choice, views)
    locks, require_visible = application.stack_locks, partial(require_simulated_here, application)
    executor = RunExecutor(
        runs.open_run,
        queue,
        locks,
        ledger,
        runs.progress,
        require_visible=require_visible,
        read_now=application.clock,
    )
    intake = build_intake(application, runs, observers, available_engines)
    worker = Worker(
        queue,
        executor.advance,
        identify_worker(),
        on_lost=executor.forget,
        on_stuck=end_process,
        open_watch=ledger.watch,
    )
    runner = RequestRunner(intake, executor, worker, partial(RunFollower, ledger, observers), runs.progress)
    held_stacks = application.held_stacks(variables)
    return DeploymentUseCase(intake, runner, runs.open_process(ledger)[1], runs.probe, ledger, choice, held_stacks)


def build_intake(
    application: ApplicationParts, runs: EngineRuns, observers: EventObservers, available_engines: Collection[str]
) -> Intake:
    """Return the intake of requests for one engine."""
    return Intake(
        runs.preparation,
        application.run_queue,
        application.ledger,
        available_engines,
        runs.encode,
        observers,
        application.stack_locks.require_room,
        read_request_limit(os.environ.get(LIMIT_VARIABLE)),
        partial(require_simulated_here, application),
        application.clock,
    )


def build_worker(  # noqa: PLR0913  # one parameter for each thing that differs between workers
    application: ApplicationParts,
    manifest: HomeManifest,
    variables: Mapping[str, str],
    views: WorkerViews | None = None,
    *,
    lease_s: float = LEASE_S,
    retry_pause_s: float = RETRY_PAUSE_S,
    on_stuck: Callable[[], object] | None = None,
) -> Worker:
    """Return a worker for requests of every engine; it goes on with those that another worker has begun.

    Nobody can be asked: a plan that replaces or deletes in a real cloud is rejected. The times,
    and `on_stuck`, are those of Worker.
    """
    ledger, queue, views = application.ledger, application.run_queue, views or WorkerViews()
    observers = EventObservers(remove_messages_of_destroyed(application.home), *views.observers)

    @cache
    def runs_on(choice: EngineChoice) -> EngineRuns:
        run_views = RunViews(
            follow_run=views.follow_run,
            place_engine=views.place_engine,
            find_own_rules=views.find_own_rules,
            find_own_guardrails=views.find_own_guardrails,
        )
        return EngineRuns(application, manifest, observers, variables, choice, run_views)

    def open_run(lease: RunLease, request: StackRequest) -> RunScope:
        return runs_on(choose_engine_of(ledger, request)).open_run(lease, request)

    executor = RunExecutor(
        open_run,
        queue,
        application.stack_locks,
        ledger,
        resumes=True,
        require_visible=partial(require_simulated_here, application),
        read_now=application.clock,
    )
    return Worker(
        queue,
        executor.advance,
        identify_worker(),
        lease_s=lease_s,
        retry_pause_s=retry_pause_s,
        report=views.report_run,
        on_lost=executor.forget,
        on_stuck=on_stuck or end_process,
        open_watch=ledger.watch,
    )


def choose_engine_of(ledger: LedgerReader, request: StackRequest) -> EngineChoice:
    """Return the engine that a request names; a destroy is up to the one that owns the stack."""
    if isinstance(request, DeploymentRequested):
        return read_engine_choice(request.built_in_environment, request.configuration)
    return find_owning_engine(ledger, request.stack) or EngineChoice()


def end_process() -> None:
    """End this process at once; what it has started ends with it."""
    os._exit(1)


def identify_worker() -> RunHolder:
    """Return this process as a worker."""
    return RunHolder(identify_process(), socket.gethostname(), os.getpid())


def _register_handlers(bus: MessageBus, process: DeploymentProcess, environments: EnvironmentConfigurator) -> None:
    bus.register(DeploymentRequested, partial(configure_environment, environments))
    for handler in (deploy_rest_api, deploy_websocket, deploy_platform, deploy_account):
        bus.register(DeploymentRequested, partial(handler, process))
    bus.register(InfrastructureRemovalRequested, partial(destroy, process))
    bus.register(RollbackRequested, partial(change_deployed, process))
    bus.register(ScalingTriggered, partial(change_deployed, process))


def _choose_approval(choice: EngineChoice, views: RunViews, application: ApplicationParts) -> PlanApproval:
    """Return who sees and approves plans: nobody needs to confirm one for a simulated cloud."""

    def has_results(stack: Stack) -> bool:
        row = application.ledger.stack(str(stack))
        return row.last_good is not None and bool(row.outputs) and row.removal is None

    check: ApprovePlan = approve_any_plan
    confirm: ApprovePlan = approve_any_plan
    if not choice.is_simulated:
        check = refuse_lost_state(has_results, approve_any_plan)
        confirm = views.approve_plan or approve_harmless_plan
    if views.show_plan:
        check = show_before_approval(views.show_plan, check)
    reviewer = application.plan_reviewer
    if views.find_own_guardrails:
        reviewer = reviewer.with_own(views.find_own_guardrails)
    review = show_after_review(reviewer, views.show_review) if views.show_review else reviewer
    return PlanApproval(
        check,
        application.review_plan or review,
        confirm,
        application.clock,
        reviewer.judges_destroy if application.review_plan is None else lambda _, __: True,
        views.find_own_rules or application.find_own_rules,
    )

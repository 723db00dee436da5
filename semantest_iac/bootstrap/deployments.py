"""The use cases of deployments, joined for one choice of an engine; what belongs to one run is made for each run."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

from semantest_iac.application.deployment.environment_configuration import EnvironmentConfigurator
from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.deployment.recorder import EventRecorder, encode_event
from semantest_iac.application.deployment.recovery import failure_event
from semantest_iac.application.handlers.configure_environment import configure_environment
from semantest_iac.application.handlers.deploy_account import deploy_account
from semantest_iac.application.handlers.deploy_rest_api import deploy_rest_api
from semantest_iac.application.handlers.deploy_websocket import deploy_websocket
from semantest_iac.application.handlers.destroy import destroy
from semantest_iac.application.intake.intake import Intake
from semantest_iac.application.intake.source_rules import LIMIT_VARIABLE, read_request_limit
from semantest_iac.application.message_bus import EventObservers, MessageBus, Observer
from semantest_iac.application.ports.run_queue import RunHolder, RunLease
from semantest_iac.application.request_runner import RequestRunner
from semantest_iac.application.run_executor import RunExecutor, RunScope
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.application.worker import Worker
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.guardrails.consent import (
    ApprovePlan,
    ShowPlan,
    approve_any_plan,
    approve_harmless_plan,
    show_before_approval,
)
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.domain.ports.provisioner import ReportProgress, guard_progress, ignore_progress
from semantest_iac.infrastructure.process_starts import identify_process
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import Ledger
    from semantest_iac.application.ports.run_queue import RunQueue
    from semantest_iac.application.ports.secret_store import SecretStore
    from semantest_iac.application.ports.stack_locks import StackLocks
    from semantest_iac.domain.deployment.validation import ValidationService
    from semantest_iac.domain.deployment.verification import ServiceVerifier
    from semantest_iac.domain.ports.artifact_builder import ArtifactBuilder
    from semantest_iac.domain.ports.artifact_store import ArtifactStore
    from semantest_iac.domain.ports.provisioner import Provisioner
    from semantest_iac.domain.ports.service_probe import ServiceProbe
    from semantest_iac.infrastructure.home_manifest import HomeManifest
    from semantest_iac_events.event import Event


class ApplicationParts(Protocol):
    """What all use cases of an application share."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def run_queue(self) -> RunQueue: ...

    @property
    def stack_locks(self) -> StackLocks: ...

    @property
    def artifacts(self) -> ArtifactBuilder: ...

    @property
    def artifact_store(self) -> ArtifactStore: ...

    @property
    def validation(self) -> ValidationService: ...

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]: ...

    def secrets(self, variables: Mapping[str, str]) -> SecretStore: ...

    def connect(self, choice: EngineChoice, variables: Mapping[str, str]) -> tuple[Provisioner, ServiceProbe]: ...

    def verifier(self, probe: ServiceProbe, choice: EngineChoice) -> ServiceVerifier: ...


def build_deployments(  # noqa: PLR0913  # one parameter for each thing that is handed in
    application: ApplicationParts,
    manifest: HomeManifest,
    variables: Mapping[str, str],
    choice: EngineChoice,
    available_engines: Collection[str],
    *,
    progress: ReportProgress | None = None,
    observer: Observer | None = None,
    approve_plan: ApprovePlan | None = None,
    show_plan: ShowPlan | None = None,
) -> DeploymentUseCase:
    """Return the use cases on one engine; the parameters are those of `Application.deployments`."""
    ledger, queue, redact = application.ledger, application.run_queue, application.redactor(variables)
    provisioner, probe = application.connect(choice, variables)
    verifier = application.verifier(probe, choice)
    service = DeploymentService(provisioner, application.artifacts, application.artifact_store, probe, verifier)
    progress = guard_progress(progress) if progress else ignore_progress
    observers = EventObservers(*([observer] if observer else ()), partial(_note_engine, manifest, choice.engine))
    preparation = Preparation(application.validation, application.secrets(variables), service, progress)
    approve = _choose_approval(choice, approve_plan, show_plan)

    def open_process(ledger: Ledger) -> tuple[MessageBus, DeploymentProcess]:
        bus = MessageBus(EventRecorder(ledger, redact).record, partial(failure_event, ledger), observers)
        return bus, DeploymentProcess(preparation, service, bus, ledger, progress, approve)

    def open_run(lease: RunLease, request: StackRequest) -> RunScope:
        bus, process = open_process(queue.open_ledger(lease))
        _register_handlers(bus, process, EnvironmentConfigurator(bus, ledger))
        return RunScope(bus, choice)

    executor = RunExecutor(open_run, queue, application.stack_locks, ledger, progress)
    encode, limit = partial(encode_event, redact=redact), read_request_limit(os.environ.get(LIMIT_VARIABLE))
    intake = Intake(preparation, queue, ledger, available_engines, encode, observers, limit)
    runner = RequestRunner(intake, executor, Worker(queue, executor.advance, identify_worker()), progress)
    return DeploymentUseCase(intake, runner, open_process(ledger)[1], probe, ledger, choice)


def identify_worker() -> RunHolder:
    """Return this process as a worker."""
    return RunHolder(identify_process(), socket.gethostname(), os.getpid())


def _register_handlers(bus: MessageBus, process: DeploymentProcess, environments: EnvironmentConfigurator) -> None:
    bus.register(DeploymentRequested, partial(configure_environment, environments))
    for handler in (deploy_rest_api, deploy_websocket, deploy_account):
        bus.register(DeploymentRequested, partial(handler, process))
    bus.register(InfrastructureRemovalRequested, partial(destroy, process))


def _note_engine(manifest: HomeManifest, engine: str, event: Event) -> None:
    """Note the engine of each stack that is requested."""
    if isinstance(event, DeploymentRequested):
        manifest.note_stack(event.subject, engine)


def _choose_approval(choice: EngineChoice, approve_plan: ApprovePlan | None, show_plan: ShowPlan | None) -> ApprovePlan:
    """Return who sees and approves plans: nobody needs to approve one for a simulated cloud."""
    approve = approve_any_plan if choice.is_simulated else approve_plan or approve_harmless_plan
    return show_before_approval(show_plan, approve) if show_plan else approve

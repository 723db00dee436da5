"""What carries out the requests of a PythonEDA application: a worker, and the application that accepts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.intake.deployment_specs import resolve_stack
from semantest_iac.application.intake.infrastructure_event_bus import EventResult
from semantest_iac.application.queries.following import follow_deployment
from semantest_iac.application.queries.history import list_deployed_components
from semantest_iac.application.worker import report_nothing
from semantest_iac.application.worker_service import WorkerService, WorkerSettings
from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.watched_configuration import watch_folder
from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.pythoneda_bridge.unanswered_requests import UnansweredRequests
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent, StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested

if TYPE_CHECKING:
    from semantest_iac.application.intake.received_events import ReceivedEvent
    from semantest_iac.application.ports.ledger import LedgerReader
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.infrastructure.pythoneda_bridge.bridge import BridgeSettings
    from semantest_iac.infrastructure.pythoneda_bridge.messages import ReceivedRequest
    from semantest_iac.infrastructure.pythoneda_bridge.stack_mapping import WantedStack
    from semantest_iac_events.event import Event


class ConfiguredEntrance:
    """Accepts requests with the configuration of the working directory, and sees how deployments end."""

    def __init__(self, application: Application, variables: Mapping[str, str]) -> None:
        self._application = application
        self._load = watch_folder(application)
        self._bus = application.event_bus(variables)

    @property
    def clouds(self) -> CloudDescriptions:
        return self._application.providers

    def build_request(self, received: ReceivedRequest, wanted: WantedStack) -> StackRequest:
        """Return the request with what the configuration says of its stack; raises ValidationError with every fault."""
        options = {
            "project": wanted.project,
            "provider": wanted.provider,
            "environment": wanted.environment,
            "region": wanted.region,
        }
        deployed = list_deployed_components(self._application.ledger)
        stack = resolve_stack(wanted.component, self._load(options, {}), self._application.providers, deployed)
        fields: dict[str, Any] = {
            **asdict(stack),
            "id": received.event_id,
            "previous_event_ids": received.cause_ids,
            "requested_by": make_printable(f"PythonEDA {received.stack_name}", 120),
        }
        if received.occurred_at is not None:
            fields["occurred_at"] = received.occurred_at
        if received.wanted == "removal":
            return InfrastructureRemovalRequested(**fields)
        return DeploymentRequested(**fields, configuration=dict(wanted.configuration))

    async def receive(self, event: ReceivedEvent) -> EventResult:
        """Return what the request itself has led to."""
        results = await self._bus.receive(event)
        return next((result for result in results if not result.subscription), EventResult("skipped"))

    async def find_end(self, deployment: str) -> StackEvent:
        """Wait for the terminal event of a deployment."""
        async with aclosing(follow_deployment(self._application.ledger, deployment)) as events:
            async for recorded in events:
                if recorded.type in TERMINAL_EVENT_TYPES and isinstance(event := decode_event(recorded), StackEvent):
                    return event
        raise LedgerError(f"Cannot see how deployment '{deployment}' ended.")


class PythonedaService:
    """A worker, and the entrance of the application whose requests it carries out."""

    def __init__(self, application: Application, worker: WorkerService, slots: int, name: str) -> None:
        self.entrance = ConfiguredEntrance(application, application.folder_variables)
        self.ledger: LedgerReader = application.ledger
        self.positions = application.transport_positions
        self.unanswered = UnansweredRequests(application.home, name)
        self._worker = worker
        self._slots = slots

    async def serve(self, stopped: asyncio.Event) -> None:
        """Carry out requests of every sender in the slots; without any, other workers do."""
        if self._slots:
            await self._worker.serve(self._slots, stopped)
        else:
            await stopped.wait()


@asynccontextmanager
async def open_pythoneda_service(settings: BridgeSettings, name: str) -> AsyncIterator[PythonedaService]:
    """Yield the service of a PythonEDA application; raises DeploymentError where it cannot be opened."""
    application = Application(Path(settings.home))
    require_writable_home(application.home)
    settings_of_worker = WorkerSettings(receives_events=False)  # those of this application alone
    opening = application.worker_service(
        application.folder_variables, settings_of_worker, _observe_nothing, report_nothing, _report_nothing_received
    )
    async with opening as worker:
        service = PythonedaService(application, worker, settings.slots, name)
        try:
            yield service
        finally:
            await asyncio.to_thread(service.unanswered.close)


def _observe_nothing(event: Event) -> None:
    """The application is told by answers, and by forwarded events."""


def _report_nothing_received(*arguments: object, **keywords: object) -> None:
    """It receives nothing from sources of messages."""

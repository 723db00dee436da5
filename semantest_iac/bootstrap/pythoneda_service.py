"""What carries out the requests of a PythonEDA application: a worker, and the application that accepts them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.intake.deployment_specs import build_spec, resolve_stack
from semantest_iac.application.queries.following import follow_deployment
from semantest_iac.application.queries.history import find_owning_engine, list_deployed_components
from semantest_iac.application.worker import report_nothing
from semantest_iac.application.worker_service import WorkerService, WorkerSettings
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES
from semantest_iac.domain.environments.names import make_printable, read_component_type
from semantest_iac.domain.errors import LedgerError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, read_engine_choice
from semantest_iac.infrastructure.pythoneda_bridge.unanswered_requests import UnansweredRequests
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent, StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested

if TYPE_CHECKING:
    from semantest_iac.application.intake.request_origin import RequestOrigin
    from semantest_iac.application.ports.ledger import LedgerReader
    from semantest_iac.application.ports.run_queue import Receipt
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.infrastructure.configuration.loading import ParsedConfiguration
    from semantest_iac.infrastructure.pythoneda_bridge.bridge import BridgeSettings
    from semantest_iac.infrastructure.pythoneda_bridge.messages import ReceivedRequest
    from semantest_iac.infrastructure.pythoneda_bridge.stack_mapping import WantedStack
    from semantest_iac_events.event import Event


class ConfiguredEntrance:
    """Accepts requests with the configuration of the working directory, and sees how deployments end."""

    def __init__(self, application: Application, variables: Mapping[str, str]) -> None:
        self._application = application
        self._variables = variables

    @property
    def clouds(self) -> CloudDescriptions:
        return self._application.providers

    def build_request(self, received: ReceivedRequest, wanted: WantedStack) -> StackRequest:
        """Return the request with what the configuration says of its stack; raises DeploymentError with every fault."""
        loaded = self._load_configuration(wanted)
        common: dict[str, Any] = {
            "id": received.event_id,
            "previous_event_ids": received.cause_ids,
            "requested_by": make_printable(f"PythonEDA {received.stack_name}", 120),
            **({"occurred_at": received.occurred_at} if received.occurred_at else {}),
        }
        if received.wanted == "removal":
            deployed = list_deployed_components(self._application.ledger)
            stack = resolve_stack(wanted.component, loaded, self._application.providers, deployed)
            base = loaded.configuration.find_base_environment(stack.environment)
            own_base = None if base == stack.environment else base
            return InfrastructureRemovalRequested(**asdict(stack), base_environment=own_base, **common)
        spec = build_spec(wanted.component, loaded, self._application)
        values = {name: value for name, value in spec.configuration.items() if name != "environments"}
        type_ = read_component_type(spec.stack.component, values)
        return DeploymentRequested(
            **asdict(spec.stack),
            configuration=values,
            base_environment=None if spec.base_environment == spec.stack.environment else spec.base_environment,
            component_type=None if type_ == spec.stack.component else type_,
            **common,
        )

    async def submit(self, request: StackRequest, origin: RequestOrigin) -> Receipt:
        """Queue the request on the engine that it names, or that owns its stack."""
        deployments = self._application.deployments(self._variables, engine=self._choose_engine(request))
        return await deployments.submit_event(request, origin)

    async def find_end(self, deployment: str) -> StackEvent:
        """Wait for the terminal event of a deployment."""
        async with aclosing(follow_deployment(self._application.ledger, deployment)) as events:
            async for recorded in events:
                if recorded.type in TERMINAL_EVENT_TYPES and isinstance(event := decode_event(recorded), StackEvent):
                    return event
        raise LedgerError(f"Cannot see how deployment '{deployment}' ended.")

    def _load_configuration(self, wanted: WantedStack) -> ParsedConfiguration:
        values = dict(wanted.configuration)
        if wanted.project is not None:
            values["project"] = wanted.project
        options = {"provider": wanted.provider, "environment": wanted.environment, "region": wanted.region}
        return self._application.configuration(environ=os.environ, values=values, options=options)

    def _choose_engine(self, request: StackRequest) -> EngineChoice:
        if isinstance(request, DeploymentRequested):
            return read_engine_choice(request.built_in_environment, request.configuration)
        return find_owning_engine(self._application.ledger, request.stack) or EngineChoice()


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
    opening = application.worker_service(
        application.folder_variables, WorkerSettings(), _observe_nothing, report_nothing
    )
    async with opening as worker:
        yield PythonedaService(application, worker, settings.slots, name)


def _observe_nothing(event: Event) -> None:
    """The application is told by answers, and by forwarded events."""

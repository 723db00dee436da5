"""Accepts or refuses requests, and queues the accepted ones."""

from __future__ import annotations

from collections.abc import Callable, Collection

from semantest_iac.application.deployment.context import DeploymentContext, component_type_of, stack_of
from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.recorder import read_deployment
from semantest_iac.application.intake.admission import build_submission, judge_request
from semantest_iac.application.intake.request_origin import COMMAND_LINE
from semantest_iac.application.message_bus import EventObservers
from semantest_iac.application.ports.ledger import LedgerReader, NewEvent
from semantest_iac.application.ports.run_queue import Receipt, RunQueue, RunState
from semantest_iac.application.queries.history import find_deployed_type
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import require_same_type
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import LedgerError
from semantest_iac.domain.guardrails.engine_choice import require_default_engine
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event, StackEvent, StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested


class Intake:
    """Accepts requests; a refused request is raised to the caller and leaves nothing in the ledger."""

    def __init__(  # one parameter for each thing that it asks
        self,
        preparation: Preparation,
        queue: RunQueue,
        ledger: LedgerReader,
        engines: Collection[str],
        encode: Callable[[Event], NewEvent],
        observers: EventObservers,
    ) -> None:
        self._preparation = preparation
        self._queue = queue
        self._ledger = ledger
        self._engines = engines
        self._encode = encode
        self._observers = observers

    async def accept_deploy(
        self,
        request: DeploymentRequested,
        settings: ComponentSettings | None = None,
        package: PackageBuilt | None = None,
    ) -> DeploymentContext:
        """Validate the request and build its package; raises ValidationError, ArtifactError, RefusedError.

        `settings` are those of a configuration that was validated before, `package` is one that was recorded, which is
        fetched instead of building one (ArtifactStoreError). RefusedError comes last, so that all
        faults of the configuration are reported first.
        """
        deployed_type = find_deployed_type(self._ledger, request.stack)
        require_same_type(stack_of(request), component_type_of(request), deployed_type)
        context = await self._preparation.prepare(request, settings, package)
        require_default_engine(request.built_in_environment, self._engines, request.environment)
        return context

    def accept_destroy(self, request: InfrastructureRemovalRequested) -> None:
        """Raise ValidationError for an unknown stack, RefusedError for an environment without its engine."""
        self._preparation.require_valid_stack(request)
        require_default_engine(request.built_in_environment, self._engines, request.environment)

    async def submit(self, request: StackRequest, context: DeploymentContext | None = None) -> Receipt:
        """Queue an accepted request with its package; it is durable when this returns.

        It states all that the stack is to be: what waits meanwhile is not carried out any more.
        """
        judged = judge_request(self._ledger, request, COMMAND_LINE)
        events: list[StackEvent] = [judged.request]
        if context and context.artifact:
            await self._preparation.store_package(context.artifact)
            events.append(context.package_built_event(context.artifact).caused_by(request))
        submission = build_submission(judged, [self._encode(event) for event in events])
        receipt = await self._queue.submit(submission, self._supersede)
        for event in events:
            self._observers.show(event)
        return receipt

    async def withdraw(self, request: StackRequest) -> RunState | None:
        """Cancel a queued request: one that waits ends at once, one that is carried out ends itself soon.

        Returns the state that it had, None where it is not in the queue.
        """
        ending = Deployment.from_request(request).cancel()
        state = await self._queue.cancel(request.deployment_id, self._encode(ending))
        if state == "waiting":
            self._observers.show(ending)
        return state

    def _supersede(self, deployment: str, successor: str) -> NewEvent:
        replaced = read_deployment(self._ledger, deployment)
        if replaced is None:
            raise LedgerError(f"Cannot find the request of deployment '{deployment}' in the ledger.")
        return self._encode(replaced.supersede(successor))

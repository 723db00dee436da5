"""Accepts or refuses requests, and queues the accepted ones."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

from semantest_iac.application.deployment.context import DeploymentContext, component_type_of, stack_of
from semantest_iac.application.deployment.plan_approval import read_utc_now
from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.deployment.resolved_requests import ChangeRequest, ResolvedChange, resolve_change
from semantest_iac.application.intake.admission import (
    JudgedRequest,
    build_rejection,
    judge_request,
    refuse_after_error,
)
from semantest_iac.application.intake.event_requests import FINAL_ERRORS, BuiltRequest
from semantest_iac.application.intake.request_origin import COMMAND_LINE, RequestOrigin
from semantest_iac.application.message_bus import EventObservers
from semantest_iac.application.operators.held_stacks import find_hold
from semantest_iac.application.ports.ledger import LedgerReader, NewEvent, RecordedEvent
from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal
from semantest_iac.application.ports.run_queue import FIRST_COME, QueuePlace, Receipt, RunQueue, RunState
from semantest_iac.application.ports.stack_visibility import RequireVisible, take_for_visible
from semantest_iac.application.queries.history import find_deployed_type
from semantest_iac.application.queries.scalings import ResolvedScaling
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import require_same_type
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import LedgerError, NotFoundError, RefusedError
from semantest_iac.domain.guardrails.engine_choice import require_default_engine
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event, StackEvent, StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested, RollbackRequested, ScalingTriggered


class Intake:
    """Accepts requests; a refused command is raised to the caller, a refused event is answered in the ledger."""

    def __init__(  # noqa: PLR0913  # one parameter for each thing that it asks
        self,
        preparation: Preparation,
        queue: RunQueue,
        ledger: LedgerReader,
        engines: Collection[str],
        encode: Callable[[Event], NewEvent],
        observers: EventObservers,
        require_room: Callable[[], None],
        limit: RequestLimit | None = None,
        require_visible: RequireVisible = take_for_visible,
        read_now: Callable[[], datetime] = read_utc_now,
    ) -> None:
        self._read_now = read_now
        self._require_visible = require_visible
        self._preparation = preparation
        self._queue = queue
        self._ledger = ledger
        self._engines = engines
        self._encode = encode
        self._observers = observers
        self._require_room = require_room
        self._limit = limit

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
        """Raise ValidationError for an unknown stack, RefusedError for an environment without its engine.

        RefusedError too where what is deployed cannot be seen from here.
        """
        self._preparation.require_valid_stack(request)
        require_default_engine(request.built_in_environment, self._engines, request.environment)
        self._require_visible(request.stack)

    async def submit(
        self, request: StackRequest, context: DeploymentContext | None = None, place: QueuePlace = FIRST_COME
    ) -> Receipt:
        """Queue an accepted request with its package; it is durable when this returns.

        It states all that the stack is to be: what waits meanwhile is not carried out any more.
        """
        return await self._queue_request(judge_request(self._ledger, request, COMMAND_LINE), context, place)

    async def submit_event(self, built: BuiltRequest, origin: RequestOrigin) -> Receipt:
        """Queue the request of an event, or record the answer to one that is refused; it is durable when this returns.

        Raises DeploymentError only where the same event may be accepted later.
        """
        judged = judge_request(self._ledger, built.request, origin, built.limit or self._limit)
        context = None
        if judged.duplicate_of:
            return Receipt(judged.duplicate_of, is_duplicate=True)
        if built.refusal is not None and judged.submission.refusal is None:
            judged = replace(judged, submission=replace(judged.submission, refusal=built.refusal))
        if judged.submission.refusal is None:
            try:
                context = await self._accept(judged.request, built.settings)
            except FINAL_ERRORS as error:
                refused = replace(judged.submission, refusal=refuse_after_error(error))
                judged = replace(judged, submission=refused)
        return await self._queue_request(judged, context)

    async def _accept(self, request: StackRequest, settings: ComponentSettings | None) -> DeploymentContext | None:
        match request:
            case DeploymentRequested():
                return await self.accept_deploy(request, settings)
            case InfrastructureRemovalRequested():
                self.accept_destroy(request)
                return None
            case RollbackRequested() | ScalingTriggered():
                await self.accept_change(request)
                return None
        raise RefusedError(
            f"Cannot carry out '{request.type_name}': this version knows no such request.",
            "REQUEST_UNSUPPORTED",
            hint="Use a newer version of semantest-iac.",
        )

    async def accept_change(self, request: ChangeRequest) -> DeploymentContext | None:
        """Refuse what could not be carried out now, unless a deployment comes first: it is resolved in its turn.

        Returns what it would deploy now; None where that is known only when its turn has come. Raises as
        `accept_deploy` does, and NotFoundError or ValidationError for what cannot be gone back to, or be scaled.
        """
        resolved = self._resolve_if_deployed(request)
        return None if resolved is None else await self.accept_deploy(resolved.request, package=resolved.package)

    def find_scaling(self, request: ScalingTriggered) -> ResolvedScaling | None:
        """Return what a request to scale would change now; None where a deployment comes first."""
        resolved = self._resolve_if_deployed(request)
        return None if resolved is None else resolved.scaling

    def _resolve_if_deployed(self, request: ChangeRequest) -> ResolvedChange | None:
        """Return what a request asks for now; None where what it refers to is only requested yet."""
        try:
            return resolve_change(self._ledger, request, self._read_now())
        except NotFoundError:
            if self._queue.list_runs([request.stack]):
                return None
            raise

    async def _queue_request(
        self, judged: JudgedRequest, context: DeploymentContext | None, place: QueuePlace = FIRST_COME
    ) -> Receipt:
        self._require_room()  # before anything is recorded that the run could not end
        events: list[StackEvent] = [judged.request]
        if context and context.artifact:
            await self._preparation.store_package(context.artifact)
            events.append(context.package_built_event(context.artifact).caused_by(judged.request))
        encoded = tuple(self._encode(event) for event in events)
        submission = replace(judged.submission, events=encoded, priority=place.priority, not_before=place.not_before)
        rejections: list[StackEvent] = []

        def reject(refusal: RequestRefusal) -> tuple[str, NewEvent]:
            rejection = build_rejection(judged.request, refusal)
            rejections.append(rejection)
            return rejection.deployment_id, self._encode(rejection)

        receipt = await self._queue.submit(submission, self._supersede, reject)
        shown = rejections[-1:] if receipt.refusal else [] if receipt.is_duplicate else events
        for event in shown:
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

    async def reject_held(self, request: StackRequest) -> bool:
        """Reject a queued request that waits for a held stack; False where it does not, such as after a resolve."""
        hold = find_hold(self._ledger, request.stack)
        if hold is None:
            return False
        rejection = Deployment.from_request(request).reject(hold.to_short_refusal())
        is_rejected = await self._queue.reject_held(request.deployment_id, self._encode(rejection))
        if is_rejected:
            self._observers.show(rejection)
        return is_rejected

    def _supersede(self, replaced: RecordedEvent, successor: str) -> NewEvent:
        request = decode_event(replaced)
        if not isinstance(request, StackRequest):
            raise LedgerError(f"Cannot read event {replaced.position} of the ledger: it is no request.")
        return self._encode(Deployment.from_request(request).supersede(successor))

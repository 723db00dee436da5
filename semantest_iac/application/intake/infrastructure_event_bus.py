"""Carries received events to the intake: the one way in for brokers, webhooks, files, commands and PythonEDA."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from semantest_iac.application.intake.admission import find_own_request
from semantest_iac.application.intake.event_requests import FINAL_ERRORS, BuiltRequest, EventRequests
from semantest_iac.application.intake.received_events import ReceivedEvent
from semantest_iac.application.intake.request_origin import RequestOrigin
from semantest_iac.application.intake.subscriptions import RequestedChange, decide_changes
from semantest_iac.application.ports.event_transports import ReceivedMessage
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.request_sources import RequestRefusal
from semantest_iac.application.ports.run_queue import Receipt
from semantest_iac.domain.environments.event_sections import SubscriptionSection
from semantest_iac.domain.errors import DeploymentError

_LOG = logging.getLogger(__name__)

EventOutcome = Literal["accepted", "duplicate", "refused", "checking", "skipped"]

SubmitBuilt = Callable[[BuiltRequest, RequestOrigin], Awaitable[Receipt]]
"""Queues a request on the engine that carries it out, or records the answer to one that is refused."""

RequestCheck = Callable[[str], Awaitable[None]]
"""Asks the workers to look for drift of a stack soon."""


class EventDeferredError(DeploymentError):
    """The source has sent so many requests that not even the answers are recorded: the event is to come again."""

    code = "EVENT_DEFERRED"
    retryable = True

    def __init__(self, refusal: RequestRefusal) -> None:
        super().__init__(f"Cannot take an event now: {refusal.reason}", hint=refusal.hint)


@dataclass(frozen=True, slots=True)
class EventResult:
    """What one event, or one of the changes that it asks for, has led to; `reason` says why.

    `deployment` carries it out, or holds the recorded answer. `subscription` is the rule that asked for it.
    """

    outcome: EventOutcome
    reason: str = ""
    code: str = ""
    stack: str = ""
    deployment: str = ""
    subscription: str = ""


class ReportReceived(Protocol):
    """Learns what became of a message; without an event it is a dead letter, for the reason given."""

    def __call__(
        self, message: ReceivedMessage, event: ReceivedEvent | None, results: Sequence[EventResult], reason: str = ""
    ) -> None: ...


class InfrastructureEventBus:
    """Submits what received events ask for; every event is counted by its source and outcome."""

    def __init__(
        self,
        subscriptions: Mapping[str, SubscriptionSection],
        requests: EventRequests,
        ledger: LedgerReader,
        submit: SubmitBuilt,
        request_check: RequestCheck,
    ) -> None:
        self.counts = Counter[tuple[str, EventOutcome]]()
        self._subscriptions = subscriptions
        self._requests = requests
        self._ledger = ledger
        self._submit = submit
        self._request_check = request_check

    def get_provider_for_environment(self, environment: str) -> str:
        """Return the cloud that the configuration names for an environment."""
        return self._requests.get_provider(environment)

    async def receive(self, event: ReceivedEvent) -> list[EventResult]:
        """Submit everything that an event asks for; it is durable when this returns.

        Raises DeploymentError where the same event may be taken later.
        """
        decision = decide_changes(event, self._subscriptions)
        results = [await self._carry_out(change, event) for change in decision.changes]
        if not results:
            results = [EventResult("skipped", " ".join(decision.reasons))]
        for result in results:
            self.counts[event.source, result.outcome] += 1
            _LOG.debug("Event %s from %s: %s. %s", event.type, event.source, result.outcome, result.reason)
        return results

    def explain(self, event: ReceivedEvent) -> tuple[list[tuple[RequestedChange, BuiltRequest | str]], tuple[str, ...]]:
        """Return what an event would ask for, each change with its request or stack, and why; nothing is submitted."""
        decision = decide_changes(event, self._subscriptions)
        built = [(change, self._build_shown(change, event)) for change in decision.changes]
        return built, decision.reasons

    def _build_shown(self, change: RequestedChange, event: ReceivedEvent) -> BuiltRequest | str:
        if change.action == "drift-check":
            return str(self._requests.resolve(change))
        return self._requests.build(change, event)

    async def _carry_out(self, change: RequestedChange, event: ReceivedEvent) -> EventResult:
        if change.action == "drift-check":
            return await self._check(change)
        own = change.request and find_own_request(self._ledger, change.request)
        if change.request is not None and own:
            reason = f"The request was recorded before, as deployment '{own}'."
            return EventResult("duplicate", reason, stack=change.request.stack, deployment=own)
        built = self._requests.build(change, event)
        receipt = await self._submit(built, _name_origin(event.origin, change))
        if receipt.refusal is not None and not receipt.is_answered:
            raise EventDeferredError(receipt.refusal)
        return _describe_receipt(receipt, built, change)

    async def _check(self, change: RequestedChange) -> EventResult:
        try:
            stack = str(self._requests.resolve(change))
        except FINAL_ERRORS as error:
            return EventResult("refused", error.reason, error.error_code, subscription=change.subscription)
        await self._request_check(stack)
        reason = "Drift is looked for by the next worker that is free."
        return EventResult("checking", reason, stack=stack, subscription=change.subscription)


def _name_origin(origin: RequestOrigin, change: RequestedChange) -> RequestOrigin:
    """Give each subscription keys of its own, and where it has a limit, a count of its own."""
    if not change.subscription:
        return origin
    source = f"{origin.source} ({change.subscription})" if change.limit else origin.source
    return replace(origin, source=source, key=f"{origin.key} {change.subscription}")


def _describe_receipt(receipt: Receipt, built: BuiltRequest, change: RequestedChange) -> EventResult:
    stack, deployment = built.request.stack, receipt.deployment
    result = EventResult("accepted", "", "", stack, deployment, change.subscription)
    if receipt.refusal is not None:
        return replace(result, outcome="refused", reason=receipt.refusal.reason, code=receipt.refusal.code)
    if receipt.is_duplicate:
        reason = f"The same event was taken before, as deployment '{deployment}'."
        return replace(result, outcome="duplicate", reason=reason)
    replaced = ", ".join(receipt.replaced)
    return replace(result, reason=f"It replaces {replaced}." if replaced else "")

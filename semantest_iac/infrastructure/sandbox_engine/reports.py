"""Reports a run as the domain's plans and outputs, and publishes its completion events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from semantest_iac.domain.deployment.change_plan import ChangePlan, trace_causes
from semantest_iac.domain.deployment.events import build_completion_event
from semantest_iac.domain.ports.provisioner import ApplyResult, EventPublisher, StackOutputs, Work
from semantest_iac.infrastructure.sandbox_engine.monitor import OnComponentComplete
from semantest_iac.infrastructure.sandbox_engine.plan.run import SandboxRun
from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken, ResourceStep
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import ROOT_STACK_TYPE, type_of_urn
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PropertyValues, contains_secret, to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import Snapshot
from semantest_iac_events.event import StackEvent
from semantest_iac_events.values import ResourceChange


def plan_of_steps(steps: Iterable[ResourceStep], stateful: frozenset[str]) -> ChangePlan:
    """The steps that reach a cloud; components and providers are how a program is written, not what it makes."""
    steps = [step for step in steps if not step.state.is_local]
    origins = {step.state.urn: step.state.property_dependencies for step in steps}
    return trace_causes([_resource_change(step, stateful) for step in steps], origins)


def report_applied(run: SandboxRun) -> ApplyResult:
    """What was done and the stack's outputs, without the secret ones."""
    return ApplyResult(plan_of_steps(run.executor.steps, frozenset()), stack_outputs(run.executor.snapshot))


def stack_outputs(snapshot: Snapshot) -> StackOutputs:
    """What the stack offers, without secrets."""
    root = next((state for state in snapshot if state.type == ROOT_STACK_TYPE), None)
    return {name: to_cloud_value(v) for name, v in root.outputs.items() if not contains_secret(v)} if root else {}


def _resource_change(step: ResourceStep, stateful: frozenset[str]) -> ResourceChange:
    op = "keep" if step.op == "delete" and step.state.retain_on_delete else step.op
    loses = op in ("delete", "replace") and step.state.type in stateful
    return ResourceChange(
        urn=step.state.urn,
        type=step.state.type,
        name=step.state.name,
        op=op,
        why=step.why,
        reversible="irreversible" if loses else "reversible",
    )


EnqueueEvent = Callable[[StackEvent], None]


@asynccontextmanager
async def open_event_queue(publish: EventPublisher, brake: CancelToken) -> AsyncIterator[EnqueueEvent]:
    """A thread-safe way to publish; leaving the block waits until everything told is on record.

    What cannot be recorded (a lost lease, a full disk) stops the run, and is raised in the end. A run that was
    called off publishes nothing more.
    """
    queue: asyncio.Queue[StackEvent | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    drained = asyncio.create_task(_publish_queued(queue, publish, brake))
    try:
        yield lambda event: _enqueue(loop, queue, event)
    except asyncio.CancelledError:
        drained.cancel()
        raise
    finally:
        loop.call_soon(queue.put_nowait, None)  # after everything told from this thread
        await drained


async def _publish_queued(queue: asyncio.Queue[StackEvent | None], publish: EventPublisher, brake: CancelToken) -> None:
    try:
        while (event := await queue.get()) is not None:
            await publish(event)
    except Exception as error:
        brake.pull(error)
        raise


def _enqueue(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[StackEvent | None], event: StackEvent) -> None:
    loop.call_soon_threadsafe(queue.put_nowait, event)


def component_announcer(work: Work, run: SandboxRun, tell: EnqueueEvent, *, lacks_code: bool) -> OnComponentComplete:
    """Tells of every kind of resource that settles with something changed."""
    digest = work.artifact.digest if work.artifact else ""

    def settled(urn: str, outputs: PropertyValues) -> None:
        if run.has_changed(urn):
            event = build_completion_event(
                type_of_urn(urn), to_cloud_value(outputs), work.identity, digest, lacks_code=lacks_code
            )
            if event:
                tell(event)

    return settled

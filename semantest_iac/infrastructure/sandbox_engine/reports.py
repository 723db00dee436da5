"""Reports a run as the domain's plans and outputs, and publishes settled resources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from semantest_iac.domain.deployment.change_plan import ChangePlan, trace_causes
from semantest_iac.domain.ports.provisioner import ApplyResult, PublishSettled, SettledResource, StackOutputs
from semantest_iac.infrastructure.sandbox_engine.monitor import OnComponentComplete
from semantest_iac.infrastructure.sandbox_engine.plan.run import SandboxRun
from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken, ResourceStep
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import ROOT_STACK_TYPE, type_of_urn
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PropertyValues, contains_secret, to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import Snapshot
from semantest_iac_events.values import ResourceChange


def plan_of_steps(steps: Iterable[ResourceStep], stateful: frozenset[str]) -> ChangePlan:
    """Return the steps that reach a cloud; components and providers exist in the program only."""
    steps = [step for step in steps if not step.state.is_local]
    origins = {step.state.urn: step.state.property_dependencies for step in steps}
    return trace_causes([_resource_change(step, stateful) for step in steps], origins)


def build_apply_result(run: SandboxRun) -> ApplyResult:
    return ApplyResult(
        plan_of_steps(run.executor.steps, frozenset()), stack_outputs_without_secrets(run.executor.snapshot)
    )


def stack_outputs_without_secrets(snapshot: Snapshot) -> StackOutputs:
    """Return the stack's outputs without the secret ones."""
    root = next((state for state in snapshot if state.type == ROOT_STACK_TYPE), None)
    return {name: to_cloud_value(v) for name, v in root.outputs.items() if not contains_secret(v)} if root else {}


def _resource_change(step: ResourceStep, stateful: frozenset[str]) -> ResourceChange:
    op = "keep" if step.op == "delete" and step.state.retain_on_delete else step.op
    loses_data = op in ("delete", "replace") and step.state.type in stateful
    return ResourceChange(
        urn=step.state.urn,
        type=step.state.type,
        name=step.state.name,
        op=op,
        why=step.why,
        reversible="irreversible" if loses_data else "reversible",
    )


EnqueueSettled = Callable[[SettledResource], object]


@asynccontextmanager
async def open_settled_queue(publish: PublishSettled, cancel_token: CancelToken) -> AsyncIterator[EnqueueSettled]:
    """Yield a thread-safe way to publish; on exit, wait until everything queued is recorded.

    What cannot be recorded (a lost lease, a full disk) stops the run, and the error is raised at the end. A cancelled
    run publishes nothing more.
    """
    queue: asyncio.Queue[SettledResource | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    publishing = asyncio.create_task(_publish_queued(queue, publish, cancel_token))
    try:
        yield lambda settled: loop.call_soon_threadsafe(queue.put_nowait, settled)
    except asyncio.CancelledError:
        publishing.cancel()
        raise
    finally:
        loop.call_soon(queue.put_nowait, None)  # after everything queued from this thread
        await publishing


async def _publish_queued(
    queue: asyncio.Queue[SettledResource | None], publish: PublishSettled, cancel_token: CancelToken
) -> None:
    try:
        while (settled := await queue.get()) is not None:
            await publish(settled)
    except Exception as error:
        cancel_token.cancel(error)
        raise


def build_settled_callback(run: SandboxRun, enqueue: EnqueueSettled) -> OnComponentComplete:
    """Return a callback that publishes each component in which something changed."""

    def publish_changed(urn: str, outputs: PropertyValues) -> None:
        if run.has_changed(urn):
            enqueue(SettledResource(type_of_urn(urn), to_cloud_value(outputs)))

    return publish_changed

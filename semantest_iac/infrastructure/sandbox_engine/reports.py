"""Reports a run as the domain's plans and outputs, and publishes settled resources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange, PlannedOperation, trace_causes
from semantest_iac.domain.deployment.property_changes import (
    COMPUTED_VALUE,
    SECRET_VALUE,
    PackageDigest,
    PropertyChange,
    ResourceValues,
    list_property_changes,
)
from semantest_iac.domain.ports.provisioner import ApplyResult, PublishSettled, SettledResource, StackOutputs
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud
from semantest_iac.infrastructure.cloud_programs.context import RetainedResource
from semantest_iac.infrastructure.sandbox_engine.plan.run import SandboxRun
from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken, ResourceStep
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import ROOT_STACK_TYPE, type_of_urn
from semantest_iac.infrastructure.sandbox_engine.protocol.values import (
    PackageFile,
    PropertyValues,
    PulumiReference,
    Secret,
    contains_secret,
    to_cloud_value,
)
from semantest_iac.infrastructure.sandbox_engine.state.refreshing import DriftedState
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import Snapshot
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN

if TYPE_CHECKING:
    from semantest_iac.infrastructure.sandbox_engine.monitor import OnComponentComplete


def plan_of_steps(steps: Iterable[ResourceStep], cloud: Cloud) -> ChangePlan:
    """Return the steps that reach a cloud; components and providers exist in the program only."""
    steps = [step for step in steps if not step.state.is_local]
    origins = {step.state.urn: step.state.property_dependencies for step in steps}
    return cloud.mark_changes(trace_causes([_planned_change(step, cloud) for step in steps], origins))


def describe_drift(drift: Iterable[DriftedState]) -> tuple[PlannedChange, ...]:
    """Return what was changed or deleted in the cloud, with the values before and now."""
    return tuple(
        PlannedChange(
            urn=known.urn,
            type=known.type,
            name=known.name,
            op="update" if found else "delete",
            properties=_drifted_properties(known.outputs, found.outputs) if found else (),
        )
        for known, found in drift
    )


def _drifted_properties(known: PropertyValues, found: PropertyValues) -> tuple[PropertyChange, ...]:
    before, now = to_cloud_value(known), to_cloud_value(found)
    changed = [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
    return list_property_changes(ResourceValues(_to_neutral_value(known), {}, _to_neutral_value(found)), {}, changed)


def build_apply_result(run: SandboxRun) -> ApplyResult:
    return ApplyResult(list_done(run.executor.steps), stack_outputs_without_secrets(run.executor.snapshot))


def list_done(steps: Iterable[ResourceStep]) -> ChangePlan:
    """Return the operations of steps that reached a cloud; the values of what is done are those that were planned."""
    done = (step for step in steps if not step.state.is_local)
    return ChangePlan(
        tuple(PlannedChange(it.state.urn, it.state.type, it.state.name, _find_operation(it)) for it in done)
    )


def list_retained(snapshot: Snapshot) -> list[RetainedResource]:
    """Return what a delete would leave in the cloud; what holds secrets stays no part of the stack."""
    kept = (
        it
        for it in snapshot.initial.values()
        if it.retain_on_delete and not (it.is_local or it.external or it.pending_replacement)
    )
    return [
        RetainedResource.from_state(it.urn, it.parent, to_cloud_value(it.inputs))
        for it in kept
        if it.parent and not contains_secret(it.inputs)
    ]


def list_deleted(snapshot: Snapshot) -> set[tuple[str, str]]:
    """Return type and name of what an earlier run deleted to replace it and then could not create."""
    return {(it.type, it.name) for it in snapshot.initial.values() if it.pending_replacement}


def stack_outputs_without_secrets(snapshot: Snapshot) -> StackOutputs:
    """Return the stack's outputs without the secret ones."""
    root = next((state for state in snapshot if state.type == ROOT_STACK_TYPE), None)
    return {name: to_cloud_value(v) for name, v in root.outputs.items() if not contains_secret(v)} if root else {}


def _planned_change(step: ResourceStep, cloud: Cloud) -> PlannedChange:
    op = _find_operation(step)
    return PlannedChange(
        urn=step.state.urn,
        type=step.state.type,
        name=step.state.name,
        op=op,
        properties=compute_property_changes(step),
        loses=cloud.find_lost_data(step.state.type) if op in ("delete", "replace") else "",
        exposes=cloud.find_exposure(step.state.type, _to_neutral_value(step.state.inputs)),
    )


def _find_operation(step: ResourceStep) -> PlannedOperation:
    return "keep" if step.op == "delete" and step.state.retain_on_delete else step.op


def compute_property_changes(step: ResourceStep) -> tuple[PropertyChange, ...]:
    """Return the changed properties of an update or replacement with their values."""
    if step.old is None:
        return ()
    values = ResourceValues(*map(_to_neutral_value, (step.old.inputs, step.old.outputs, step.state.inputs)))
    changed = {path: kind.endswith("replace") for path, kind in step.detailed.items()}
    return list_property_changes(values, changed, step.why, step.why if step.op == "replace" else ())


def _to_neutral_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_neutral_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_neutral_value(item) for item in value]
    if value is UNKNOWN:
        return COMPUTED_VALUE
    if isinstance(value, Secret):
        return SECRET_VALUE
    if isinstance(value, PackageFile):
        return PackageDigest(value.digest)
    return _to_neutral_value(value.id) if isinstance(value, PulumiReference) else value


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

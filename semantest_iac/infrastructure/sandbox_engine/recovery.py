"""What a run that was cut short left behind, brought to a state that is true."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from semantest_iac.infrastructure.sandbox_engine.journal import Begun
from semantest_iac.infrastructure.sandbox_engine.snapshots import Effect, Snapshot
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.values import bare, outputs_like
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud

CloudOf = Callable[[ResourceState], Cloud]


def recover(snapshot: Snapshot, begun: Iterable[Begun], cloud_of: CloudOf) -> None:
    """Ask the cloud what became of each operation that has no end, and note it in the snapshot."""
    for operation in begun:
        snapshot.apply(_FOUND_OUT[operation.op](operation, snapshot, cloud_of))


def _created(begun: Begun, _snapshot: Snapshot, cloud_of: CloudOf) -> Effect:
    """A create that did happen is adopted by its owner mark."""
    goal = begun.goal
    found = cloud_of(goal).find(begun.owner, bare(goal.inputs))
    if found is None:
        return Effect()
    _, id_, outputs = found
    made = replace(goal, id=id_, outputs=outputs_like(outputs, goal.inputs, goal.additional_secret_outputs))
    return replace(begun.after, put=made)


def _updated(begun: Begun, snapshot: Snapshot, cloud_of: CloudOf) -> Effect:
    """However far an update got, what the cloud has now is what the next run compares with."""
    old = snapshot.olds.get(begun.after.drop or begun.goal.key)
    outputs = cloud_of(begun.goal).read(old.type, old.id, bare(old.outputs)) if old else None
    if old is None or outputs is None:
        return Effect()
    return Effect(mark=replace(old, outputs=outputs_like(outputs, old.inputs, old.additional_secret_outputs)))


def _deleted(begun: Begun, _snapshot: Snapshot, cloud_of: CloudOf) -> Effect:
    """A delete that did happen is noted."""
    gone = cloud_of(begun.goal).read(begun.goal.type, begun.goal.id, bare(begun.goal.outputs)) is None
    return begun.after if gone else Effect()


_FOUND_OUT: dict[str, Callable[[Begun, Snapshot, CloudOf], Effect]] = {
    "create": _created,
    "update": _updated,
    "delete": _deleted,
}

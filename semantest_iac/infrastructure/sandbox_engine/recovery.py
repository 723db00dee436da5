"""What a killed run left behind, brought to a state that is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from semantest_iac.infrastructure.sandbox_engine.journal import Begun
from semantest_iac.infrastructure.sandbox_engine.operators import CloudOf, is_local
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.values import bare, merge_secrets


def recover(snapshot: Snapshot, begun: Sequence[Begun], cloud_of: CloudOf) -> Snapshot:
    """Ask the cloud about each operation that has no end.

    A create that did happen is adopted by its owner mark. A delete that did happen is noted. An update needs
    nothing: if it did not happen, the next run sees the difference and makes it.
    """
    for operation in begun:
        goal = operation.goal
        if is_local(goal):
            continue
        if operation.op == "create":
            _adopt(snapshot, goal, operation.owner, cloud_of)
        elif operation.op == "delete" and cloud_of(goal).read(goal.type, goal.id, bare(goal.outputs)) is None:
            snapshot.resources.pop(goal.key, None)
    return snapshot


def _adopt(snapshot: Snapshot, goal: ResourceState, owner: str, cloud_of: CloudOf) -> None:
    found = cloud_of(goal).find(owner, bare(goal.inputs))
    if found is None:
        return
    _, id_, outputs = found
    replaced = snapshot.live(goal.urn)
    if replaced and replaced.id != id_:
        snapshot.resources[replaced.key] = replace(replaced, delete=True)
    made = replace(goal, id=id_, outputs=merge_secrets(dict(outputs), goal.inputs, goal.additional_secret_outputs))
    snapshot.resources[made.key] = made

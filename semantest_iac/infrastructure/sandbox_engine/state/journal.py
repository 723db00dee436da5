"""Records what a run begins and ends, and recovers the operations that a killed run did not end.

One row a line: `begin` before an operation, `end` with its changes after it. Rows survive the death of the process
because the kernel has them at once; the state file written at the end is flushed to the disk as well.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from semantest_iac.infrastructure.sandbox_engine.protocol.values import outputs_with_secrets, to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import (
    Decrypt,
    Encrypt,
    ResourceState,
    Snapshot,
    StateChange,
    dump_resource,
    load_resource,
)
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud

JournaledOperation = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class UnfinishedOperation:
    """An operation without an end, and what becomes of the rest when it turns out to have happened.

    `owner` is the mark under which the cloud keeps what a create made.
    """

    op: JournaledOperation
    owner: str
    goal: ResourceState
    after: StateChange


JournalRow = UnfinishedOperation | tuple[str, StateChange]


class Journal:
    """The rows of one run, in one file; made with the first row."""

    def __init__(self, path: Path, seal: Encrypt) -> None:
        self._path = path
        self._seal = seal
        self._file: int | None = None
        self._open: dict[str, UnfinishedOperation] = {}

    @property
    def is_empty(self) -> bool:
        """Whether the run has changed nothing."""
        return self._file is None

    @property
    def unfinished(self) -> list[UnfinishedOperation]:
        """The operations of this run that have no end."""
        return list(self._open.values())

    def begin(self, op: JournaledOperation, goal: ResourceState, after: StateChange) -> str:
        """Write down what is about to be done; returns the mark of the operation."""
        owner = uuid.uuid4().hex
        self._open[owner] = UnfinishedOperation(op, owner, goal, after)
        self._write({"begin": owner, "op": op, "goal": dump_resource(goal, self._seal), **self._dumped(after)})
        return owner

    def end(self, owner: str, effect: StateChange) -> None:
        """Write down what came of it."""
        self._open.pop(owner, None)
        self.note(effect, owner)

    def note(self, effect: StateChange, owner: str = "") -> None:
        """Write down a change that no cloud hears of."""
        self._write({"end": owner, **self._dumped(effect)})

    def close(self) -> None:
        """Let go of the file; the rows are forgotten when their sum has been saved."""
        if self._file is not None:
            os.close(self._file)

    def _dumped(self, effect: StateChange) -> dict[str, Any]:
        fields = {"put": effect.put, "mark": effect.mark}
        states = {name: dump_resource(state, self._seal) for name, state in fields.items() if state}
        return {**states, **({"drop": effect.drop} if effect.drop else {})}

    def _write(self, row: Mapping[str, Any]) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._file, (json.dumps(row) + "\n").encode())


def read_journal(path: Path, unseal: Decrypt) -> Iterator[JournalRow]:
    """The rows of a run that did not close its journal; a last line cut off by the kill is left out."""
    if not path.exists():
        return
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield _load_row(json.loads(line), unseal)


def _load_row(row: Mapping[str, Any], unseal: Decrypt) -> JournalRow:
    put, mark = (load_resource(row[name], unseal) if name in row else None for name in ("put", "mark"))
    effect = StateChange(put, (*row["drop"],) if "drop" in row else None, mark)
    return (
        UnfinishedOperation(row["op"], row["begin"], load_resource(row["goal"], unseal), effect)
        if "begin" in row
        else (row["end"], effect)
    )


FindCloud = Callable[[ResourceState], SimulatedCloud]


def recover_operations(snapshot: Snapshot, begun: Iterable[UnfinishedOperation], cloud_of: FindCloud) -> None:
    """Ask the cloud what became of each operation that has no end, and note it in the snapshot."""
    for operation in begun:
        snapshot.apply(_RECOVERIES[operation.op](operation, snapshot, cloud_of))


def _recover_create(begun: UnfinishedOperation, _snapshot: Snapshot, cloud_of: FindCloud) -> StateChange:
    """A create that did happen is adopted by its owner mark."""
    goal = begun.goal
    found = cloud_of(goal).find_by_owner(begun.owner, to_cloud_value(goal.inputs))
    if found is None:
        return StateChange()
    _, id_, outputs = found
    made = replace(goal, id=id_, outputs=outputs_with_secrets(outputs, goal.inputs, goal.additional_secret_outputs))
    return replace(begun.after, put=made)


def _recover_update(begun: UnfinishedOperation, snapshot: Snapshot, cloud_of: FindCloud) -> StateChange:
    """However far an update got, what the cloud has now is what the next run compares with."""
    old = snapshot.olds.get(begun.after.drop or begun.goal.key)
    outputs = cloud_of(begun.goal).read(old.type, old.id, to_cloud_value(old.outputs)) if old else None
    if old is None or outputs is None:
        return StateChange()
    return StateChange(
        mark=replace(old, outputs=outputs_with_secrets(outputs, old.inputs, old.additional_secret_outputs))
    )


def _recover_delete(begun: UnfinishedOperation, _snapshot: Snapshot, cloud_of: FindCloud) -> StateChange:
    """A delete that did happen is noted."""
    gone = cloud_of(begun.goal).read(begun.goal.type, begun.goal.id, to_cloud_value(begun.goal.outputs)) is None
    return begun.after if gone else StateChange()


_RECOVERIES: dict[str, Callable[[UnfinishedOperation, Snapshot, FindCloud], StateChange]] = {
    "create": _recover_create,
    "update": _recover_update,
    "delete": _recover_delete,
}

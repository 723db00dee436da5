"""Records what a run begins and ends, and recovers the operations that a killed run did not end.

One row a line: `begin` before an operation, `end` with its changes after it. A `begin` is flushed to the disk before
the operation. An `end` is not: the kernel has it at once, and after a loss of power the cloud is asked instead.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from semantest_iac.infrastructure.durable_files import AppendedFile
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.sandbox_engine.protocol.values import to_cloud_value
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
    """An operation without an end, and the change to other resources if it turns out to have happened.

    `owner` is the mark under which the cloud stores what a create made.
    """

    op: JournaledOperation
    owner: str
    resource: ResourceState
    after: StateChange


JournalRow = UnfinishedOperation | tuple[str, StateChange]


class Journal:
    """The rows of one run in one file, which is created with the first row."""

    def __init__(self, path: Path, encrypt: Encrypt) -> None:
        self._file = AppendedFile(path)
        self._encrypt = encrypt
        self._open: dict[str, UnfinishedOperation] = {}

    @property
    def is_empty(self) -> bool:
        return self._file.is_empty

    @property
    def unfinished(self) -> list[UnfinishedOperation]:
        return list(self._open.values())

    def begin(self, op: JournaledOperation, resource: ResourceState, after: StateChange) -> str:
        """Record what is about to be done; returns the operation's owner mark.

        The row is on the disk when this returns: what the disk refuses is not begun.
        """
        owner = f"{resource.urn}#{uuid.uuid4().hex}"  # the state can be rebuilt from these marks
        row = {"begin": owner, "op": op, "goal": dump_resource(resource, self._encrypt), **self._dump_change(after)}
        self._write(row, sync=True)
        self._open[owner] = UnfinishedOperation(op, owner, resource, after)
        return owner

    def end(self, owner: str, change: StateChange) -> None:
        """Record the result; without this row the operation counts as unfinished, and the cloud is asked for it."""
        self.record_local_change(change, owner)
        self._open.pop(owner, None)

    def record_local_change(self, change: StateChange, owner: str = "") -> None:
        """Record a change that involves no cloud."""
        self._write({"end": owner, **self._dump_change(change)})

    def close(self) -> None:
        """Close the file; saving the state deletes it."""
        self._file.close()

    def _dump_change(self, change: StateChange) -> dict[str, Any]:
        fields = {"put": change.put, "mark": change.mark}
        states = {name: dump_resource(state, self._encrypt) for name, state in fields.items() if state}
        return {**states, **({"drop": change.drop} if change.drop else {})}

    def _write(self, row: Mapping[str, Any], *, sync: bool = False) -> None:
        self._file.append((json.dumps(row) + "\n").encode(), sync=sync)


def read_journal(path: Path, decrypt: Decrypt) -> Iterator[JournalRow]:
    """Return the rows of a run that did not close its journal; a line cut off by the kill is left out."""
    if not path.exists():
        return
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield _load_row(parse_json(line), decrypt)


def _load_row(row: Mapping[str, Any], decrypt: Decrypt) -> JournalRow:
    put, mark = (load_resource(row[name], decrypt) if name in row else None for name in ("put", "mark"))
    change = StateChange(put, (*row["drop"],) if "drop" in row else None, mark)
    if "begin" in row:
        return UnfinishedOperation(row["op"], row["begin"], load_resource(row["goal"], decrypt), change)
    return row["end"], change


FindCloud = Callable[[ResourceState], SimulatedCloud]


def recover_operations(snapshot: Snapshot, unfinished: Iterable[UnfinishedOperation], find_cloud: FindCloud) -> None:
    """Ask the cloud what became of each unfinished operation, and apply it to the snapshot."""
    for operation in unfinished:
        snapshot.apply(_RECOVERIES[operation.op](operation, snapshot, find_cloud))


def _recover_create(operation: UnfinishedOperation, _snapshot: Snapshot, find_cloud: FindCloud) -> StateChange:
    """Adopt, by its owner mark, what the create made."""
    resource = operation.resource
    found = find_cloud(resource).find_newest_by_owner(operation.owner, to_cloud_value(resource.inputs))
    if found is None:
        return StateChange()
    _, id_, outputs = found
    return replace(operation.after, put=resource.with_outputs(outputs, id_))


def _recover_update(operation: UnfinishedOperation, snapshot: Snapshot, find_cloud: FindCloud) -> StateChange:
    """Store what the cloud has now, whatever the update did: the next run compares with it."""
    old = snapshot.remaining.get(operation.after.drop or operation.resource.key)
    outputs = find_cloud(operation.resource).read(old.type, old.id, to_cloud_value(old.outputs)) if old else None
    if old is None or outputs is None:
        return StateChange()
    return StateChange(mark=old.with_outputs(outputs, old.id))


def _recover_delete(operation: UnfinishedOperation, _snapshot: Snapshot, find_cloud: FindCloud) -> StateChange:
    """Apply the change if the resource is gone."""
    resource = operation.resource
    outputs = find_cloud(resource).read(resource.type, resource.id, to_cloud_value(resource.outputs))
    return operation.after if outputs is None else StateChange()


_RECOVERIES: dict[str, Callable[[UnfinishedOperation, Snapshot, FindCloud], StateChange]] = {
    "create": _recover_create,
    "update": _recover_update,
    "delete": _recover_delete,
}

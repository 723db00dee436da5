"""What a run has begun and ended, so that a killed one can be taken up where it stood.

One row a line: `begin` before an operation, `end` with its effects after it. Rows survive the death of the
process (they are with the kernel at once); the state file written at the end is flushed to the disk as well.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from semantest_iac.infrastructure.sandbox_engine.snapshots import Effect
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState, Seal, Unseal, dump, load

Kind = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Begun:
    """An operation without an end, and what becomes of the rest when it turns out to have happened.

    `owner` is the mark under which the cloud keeps what a create made.
    """

    op: Kind
    owner: str
    goal: ResourceState
    after: Effect


Row = Begun | tuple[str, Effect]


class Journal:
    """The rows of one run, in one file; made with the first row."""

    def __init__(self, path: Path, seal: Seal) -> None:
        self._path = path
        self._seal = seal
        self._file: int | None = None
        self._open: dict[str, Begun] = {}

    @property
    def is_empty(self) -> bool:
        """Whether the run has changed nothing."""
        return self._file is None

    @property
    def unfinished(self) -> list[Begun]:
        """The operations of this run that have no end."""
        return list(self._open.values())

    def begin(self, op: Kind, goal: ResourceState, after: Effect) -> str:
        """Write down what is about to be done; returns the mark of the operation."""
        owner = uuid.uuid4().hex
        self._open[owner] = Begun(op, owner, goal, after)
        self._write({"begin": owner, "op": op, "goal": dump(goal, self._seal), **self._dumped(after)})
        return owner

    def end(self, owner: str, effect: Effect) -> None:
        """Write down what came of it."""
        self._open.pop(owner, None)
        self.note(effect, owner)

    def note(self, effect: Effect, owner: str = "") -> None:
        """Write down a change that no cloud hears of."""
        self._write({"end": owner, **self._dumped(effect)})

    def close(self) -> None:
        """Let go of the file; the rows are forgotten when their sum has been saved."""
        if self._file is not None:
            os.close(self._file)

    def _dumped(self, effect: Effect) -> dict[str, Any]:
        fields = {"put": effect.put, "mark": effect.mark}
        states = {name: dump(state, self._seal) for name, state in fields.items() if state}
        return {**states, **({"drop": effect.drop} if effect.drop else {})}

    def _write(self, row: Mapping[str, Any]) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._file, (json.dumps(row) + "\n").encode())


def rows(path: Path, unseal: Unseal) -> Iterator[Row]:
    """The rows of a run that did not close its journal; a last line cut off by the kill is left out."""
    if not path.exists():
        return
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield _row(json.loads(line), unseal)


def _row(row: Mapping[str, Any], unseal: Unseal) -> Row:
    put, mark = (load(row[name], unseal) if name in row else None for name in ("put", "mark"))
    effect = Effect(put, (*row["drop"],) if "drop" in row else None, mark)
    return Begun(row["op"], row["begin"], load(row["goal"], unseal), effect) if "begin" in row else (row["end"], effect)

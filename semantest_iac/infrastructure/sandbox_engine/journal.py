"""What a run has begun and ended, so that a killed one can be taken up where it stood.

One row a line: `begin` before an operation, `end` with its effects after it. Rows survive the death of the
process (they are with the kernel at once); the state file written at the end is flushed to the disk as well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.states import ResourceState, Seal, Unseal, dump, load

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Effect:
    """How an operation changes what is remembered; `doom` marks a replaced resource for deletion."""

    put: ResourceState | None = None
    drop: Key | None = None
    doom: Key | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """An operation without an end: `owner` is the mark under which the cloud keeps what a create made."""

    op: str
    owner: str
    goal: ResourceState


class Journal:
    """The rows of one run, in one file; made with the first row."""

    def __init__(self, path: Path, seal: Seal) -> None:
        self._path = path
        self._seal = seal
        self._file: int | None = None
        self._open: dict[str, Begun] = {}

    @property
    def unfinished(self) -> list[Begun]:
        """The operations of this run that have no end."""
        return list(self._open.values())

    def begin(self, begun: Begun) -> None:
        """Write down what is about to be done."""
        self._open[begun.owner] = begun
        self._write({"begin": begun.owner, "op": begun.op, "goal": dump(begun.goal, self._seal)})

    def end(self, owner: str, effect: Effect) -> None:
        """Write down what came of it."""
        self._open.pop(owner, None)
        put = dump(effect.put, self._seal) if effect.put else None
        self._write({"end": owner, "put": put, "drop": effect.drop, "doom": effect.doom})

    def close(self) -> None:
        """Forget the rows: their sum is in the state file now."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._path.unlink(missing_ok=True)

    def _write(self, row: dict[str, Any]) -> None:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._file, (json.dumps(row) + "\n").encode())


def rows(path: Path, unseal: Unseal) -> Iterator[Begun | tuple[str, Effect]]:
    """The rows of a run that did not close its journal; a last line cut off by the kill is left out."""
    if not path.exists():
        return
    for line in path.read_text().splitlines(keepends=True):
        if not line.endswith("\n"):
            return
        row = json.loads(line)
        if "begin" in row:
            yield Begun(row["op"], row["begin"], load(row["goal"], unseal))
        else:
            yield row["end"], _effect(row, unseal)


def _effect(row: dict[str, Any], unseal: Unseal) -> Effect:
    put = load(row["put"], unseal) if row["put"] else None
    return Effect(put, *(tuple(row[name]) if row[name] else None for name in ("drop", "doom")))

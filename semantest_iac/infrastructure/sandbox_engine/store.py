"""Where the sandbox keeps the states of its stacks: one file each, in Pulumi's deployment format."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.sandbox_engine import journal
from semantest_iac.infrastructure.sandbox_engine.aliases import with_present_names
from semantest_iac.infrastructure.sandbox_engine.journal import Begun, Journal
from semantest_iac.infrastructure.sandbox_engine.sealing import Sealer
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot, in_order
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState, dump, load

# Pulumi refuses a state whose magic is not the hash of the version of the engine that it names. The time is
# Go's zero: a state that nothing has changed is the same file.
_VERSION = "v3.250.0"
_MANIFEST = {"time": "0001-01-01T00:00:00Z", "magic": sha256(_VERSION.encode()).hexdigest(), "version": _VERSION}
_PENDING = {"create": "creating", "update": "updating", "delete": "deleting"}


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is on file of a stack: its resources, and the operations that a killed run did not end."""

    snapshot: Snapshot
    begun: tuple[Begun, ...] = ()
    cut_short: bool = False


class StateStore:
    """States and journals under one folder; the caller sees to it that a stack has one writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sealer = Sealer(folder)

    def journal(self, stack: Stack) -> Journal:
        """The journal for a run about to begin."""
        return Journal(self._path(stack, "journal"), self._sealer.seal)

    def remembered(self, stack: Stack) -> Remembered:
        """The state, with all that the journal of a killed run adds; raises ProviderError for a damaged file."""
        with _undamaged(stack, self._path(stack, "json")):
            snapshot = Snapshot(self._resources(stack))
        with _undamaged(stack, self._path(stack, "journal")):
            return self._replayed(stack, snapshot)

    def snapshot(self, stack: Stack) -> Snapshot:
        """The resources alone."""
        return self.remembered(stack).snapshot

    def save(self, stack: Stack, resources: Iterable[ResourceState]) -> None:
        """Replace the state file at once and for good; a journal, its sum being in there now, is gone afterwards."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(stack, "json")
        draft = path.with_suffix(".draft")
        text = json.dumps(self.deployment(resources))
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        self._path(stack, "journal").unlink(missing_ok=True)

    def deployment(self, resources: Iterable[ResourceState], begun: Iterable[Begun] = ()) -> dict[str, Any]:
        """The content of a state file: what `pulumi stack import` reads, secrets sealed."""
        seal = self._sealer.seal
        dumped = [dump(state, seal) for state in with_present_names(resources)]
        pending = [{"resource": dump(operation.goal, seal), "type": _PENDING[operation.op]} for operation in begun]
        optional = {"secrets_providers": self._sealer.provider, "resources": dumped, "pending_operations": pending}
        filled = {name: value for name, value in optional.items() if value}
        return {"version": 3, "deployment": {"manifest": _MANIFEST, **filled}}

    def _resources(self, stack: Stack) -> list[ResourceState]:
        path = self._path(stack, "json")
        if not path.exists():
            return []
        stored = json.loads(path.read_text())["deployment"].get("resources", [])
        return [load(raw, self._sealer.unseal) for raw in stored]

    def _replayed(self, stack: Stack, snapshot: Snapshot) -> Remembered:
        begun: dict[str, Begun] = {}
        path = self._path(stack, "journal")
        for row in journal.rows(path, self._sealer.unseal):
            if isinstance(row, Begun):
                begun[row.owner] = row
            else:
                begun.pop(row[0], None)
                snapshot.apply(row[1])
        return Remembered(Snapshot(in_order(snapshot)), tuple(begun.values()), path.exists())

    def _path(self, stack: Stack, suffix: str) -> Path:
        return self._folder / f"{stack}.{suffix}"


@contextmanager
def _undamaged(stack: Stack, path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProviderError(
            f"Cannot read the state of '{stack}': the file {path.name} is damaged.",
            "STATE_DAMAGED",
            provider=stack.provider,
            hint="Put back a copy of the file, or remove it and deploy under another --home.",
        ) from error

"""Where the sandbox keeps the states of its stacks: one file each, in Pulumi's deployment format."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.sandbox_engine import journal
from semantest_iac.infrastructure.sandbox_engine.journal import Begun, Journal
from semantest_iac.infrastructure.sandbox_engine.sealing import Sealer
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.states import dump, load

_MAGIC = {"magic": "semantest-iac sandbox", "version": "3"}


class StateStore:
    """States and journals under one folder; the caller sees to it that a stack has one writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sealer = Sealer(folder)

    def journal(self, stack: Stack) -> Journal:
        """The journal for a run about to begin."""
        return Journal(self._path(stack, "journal"), self._sealer.seal)

    def unfinished(self, stack: Stack) -> tuple[Snapshot, list[Begun]]:
        """The state with all that the journal of a killed run adds, and the operations it did not end."""
        snapshot, begun = self.snapshot(stack), dict[str, Begun]()
        for row in journal.rows(self._path(stack, "journal"), self._sealer.unseal):
            if isinstance(row, Begun):
                begun[row.owner] = row
            else:
                owner, effect = row
                begun.pop(owner, None)
                snapshot.apply(effect)
        return snapshot, list(begun.values())

    def snapshot(self, stack: Stack) -> Snapshot:
        """What the last finished run left; raises ProviderError for a file that cannot be read."""
        path = self._path(stack, "json")
        if not path.exists():
            return Snapshot()
        try:
            resources = json.loads(path.read_text())["deployment"].get("resources", [])
            return Snapshot.of(load(raw, self._sealer.unseal) for raw in resources)
        except (ValueError, KeyError, TypeError) as error:
            raise ProviderError(
                f"Cannot read the state of '{stack}': the file {path.name} is damaged.",
                "STATE_DAMAGED",
                provider=stack.provider,
                hint="Put back a copy of the file, or remove it and deploy under another --home.",
            ) from error

    def save(self, stack: Stack, snapshot: Snapshot) -> None:
        """Replace the state file at once and for good."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(stack, "json")
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.deployment(snapshot), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def deployment(self, snapshot: Snapshot) -> dict[str, Any]:
        """The content of a state file: what `pulumi stack import` reads, secrets sealed."""
        resources = [dump(state, self._sealer.seal) for state in snapshot]
        provider = self._sealer.provider
        sealed = {"secrets_providers": provider} if provider else {}
        return {"version": 3, "deployment": {"manifest": _MAGIC, **sealed, "resources": resources}}

    def _path(self, stack: Stack, suffix: str) -> Path:
        return self._folder / f"{stack}.{suffix}"

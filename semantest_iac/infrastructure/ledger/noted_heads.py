"""Compares the ledger with the head that its home has noted: events that were lost show, whatever went with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from semantest_iac.application.ports.ledger import LedgerHead, RecordedEvent
from semantest_iac.domain.deployment.status import DEPLOYMENT_KINDS, TERMINAL_EVENT_TYPES
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.databases.database import DatabaseConnection
from semantest_iac.infrastructure.home_manifest import HomeManifest
from semantest_iac.infrastructure.nested_text import parse_json

_MOMENT_S = 0.2
UNKNOWN_POSITION = LedgerHead(1, "")
"""Noted nowhere, but the home holds states that only recorded deployments can have made."""


class HeadNotes:
    """Notes the heads of the ledger in the manifest of its home."""

    def __init__(self, manifest: HomeManifest | None) -> None:
        self._manifest = manifest
        self._next = 0.0

    def note_committed(self, recorded: Sequence[RecordedEvent]) -> None:
        """Note the head after a commit that opens or ends a deployment; what is in between waits for the end.

        Of many deployments that are opened within a moment the first one is noted: who lost the others and not that
        one would have copied the ledger in the same moment.
        """
        has_begun = any(event.type in DEPLOYMENT_KINDS for event in recorded)
        has_ended = any(event.type in TERMINAL_EVENT_TYPES for event in recorded)
        if self._manifest is None or not (has_ended or (has_begun and monotonic() >= self._next)):
            return
        self._manifest.note_ledger_head(recorded[-1].position, recorded[-1].hash, with_copies=has_ended)
        self._next = monotonic() + _MOMENT_S


def read_noted_head(manifest: HomeManifest | None, path: Path) -> LedgerHead | None:
    """Return the head that the home has noted; None where it has noted none. Raises StorageError."""
    if manifest is None:
        return None
    noted = manifest.read()
    if noted is not None:
        return LedgerHead(noted.position, noted.hash) if noted.position else None
    return UNKNOWN_POSITION if not path.exists() and _holds_states(manifest.home) else None


def require_noted_head(noted: LedgerHead | None, connection: DatabaseConnection | None, path: Path) -> None:
    """Raise LedgerError where the ledger lacks the noted event, or has another one at its position."""
    if noted is None:
        return
    if connection is None:
        raise _younger_error(path, noted, "it is missing")
    if not connection.has_table("events"):
        raise _younger_error(path, noted, "it ends at event 0")
    found = connection.execute("select hash from events where position = ?", (noted.position,))
    if not found:
        [(newest,)] = connection.execute("select coalesce(max(position), 0) from events")
        raise _younger_error(path, noted, f"it ends at event {newest}")
    if noted.hash not in ("", found[0][0]):
        raise LedgerError(
            f"Cannot use ledger '{path}': it is not the ledger of its home, which has noted another event"
            f" {noted.position}.",
            "LEDGER_REPLACED",
            hint=_way_back(path),
        )


def _younger_error(path: Path, noted: LedgerHead, cause: str) -> LedgerError:
    known = f"has noted {noted.position} events" if noted.hash else "holds the states of deployed stacks"
    message = f"Cannot use ledger '{path}': the ledger is younger than its home: {cause}, and the home {known}."
    return LedgerError(message, "LEDGER_YOUNGER", hint=_way_back(path))


def _way_back(path: Path) -> str:
    return (
        f"Restore '{path.name}' from a backup, with '{path.name}-wal' if there is one."
        " Without a backup, `semantest-iac repair --accept-ledger` goes on with the events that are there."
    )


def _holds_states(home: Path) -> bool:
    """Whether an engine has stored a state below the home; a preview leaves an empty one, which says nothing."""
    if any((home / "sandbox").glob("*.*.*.json")):
        return True
    return any(map(_holds_resources, (home / "pulumi" / "state").glob(".pulumi/stacks/**/*.json")))


def _holds_resources(state: Path) -> bool:
    try:
        return bool(parse_json(state.read_bytes())["checkpoint"]["latest"].get("resources"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return True  # a preview leaves one that can be read

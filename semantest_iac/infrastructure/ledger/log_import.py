"""Appends events that another ledger has recorded, with their hashes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from semantest_iac.application.ports.ledger import LedgerHead, RecordedEvent, VerifiedLedger
from semantest_iac.domain.errors import LedgerError, RefusedError
from semantest_iac.infrastructure.databases.database import DatabaseConnection
from semantest_iac.infrastructure.ledger.chain import verify_chain
from semantest_iac.infrastructure.ledger.event_table import insert_events

_BATCH_SIZE = 500


def import_events(
    connection: DatabaseConnection, head: LedgerHead, log: Iterable[RecordedEvent], expected: LedgerHead | None
) -> VerifiedLedger:
    """Insert the events after `head`, inside the caller's transaction; those up to it must be those that are there.

    Raises LedgerError for a chain that was changed, RefusedError for the log of another ledger.
    """
    try:
        verified = verify_chain(_insert_new(connection, head, log), expected)
    except LedgerError as error:
        if error.error_code != "LEDGER_CHANGED":
            raise
        cause = error.message.removeprefix("Cannot verify ledger ")
        hint = "Nothing was imported. Export the ledger again, or use another copy of the export."
        raise LedgerError(
            f"Cannot import events: the export was changed {cause}", "EXPORT_CHANGED", hint=hint
        ) from error
    if verified.head.position < head.position:
        raise _other_log_error(f"it has {head.position} events, and the export {verified.head.position}")
    return verified


def _insert_new(
    connection: DatabaseConnection, head: LedgerHead, log: Iterable[RecordedEvent]
) -> Iterator[RecordedEvent]:
    """Yield every event; those that are new are inserted in batches behind the verification."""
    rows = iter(log)
    while batch := list(islice(rows, _BATCH_SIZE)):
        for row in batch:
            if row.position == head.position and row.hash != head.hash:
                raise _other_log_error(f"its event {head.position} is another one")
            yield row
        insert_events(connection, [row for row in batch if row.position > head.position])


def _other_log_error(cause: str) -> RefusedError:
    return RefusedError(
        f"Cannot import events: the ledger is not the beginning of the export: {cause}.",
        "LEDGER_NOT_EMPTY",
        hint="Import into an empty home: --home names another folder.",
    )

"""The adapters that share the database of the ledger."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semantest_iac.application.ports.event_transports import DeadLetters, SeenMessages, TransportPositions
    from semantest_iac.application.ports.ledger import Ledger
    from semantest_iac.application.ports.relay_leases import RelayLeases
    from semantest_iac.application.ports.run_queue import RunQueue
    from semantest_iac.infrastructure.home_manifest import HomeManifest
    from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger


class LedgerDatabase:
    """Creates the ledger, and what is kept beside it, on first use, unless it was handed in."""

    def __init__(self, home: Path, ledger: Ledger | None, run_queue: RunQueue | None) -> None:
        self.home = home.absolute()
        self._ledger = ledger
        self._run_queue = run_queue

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, of this home or, if a variable has the URL of a database, of several machines."""
        if self._ledger is not None:
            return self._ledger
        if url := os.environ.get("SEMANTEST_LEDGER_URL"):
            from semantest_iac.infrastructure.databases.postgresql import open_database_url
            from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger

            return SqlLedger(open_database_url(url))
        from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

        return SqliteLedger(self.home / "ledger.db", manifest=self._manifest)

    @cached_property
    def run_queue(self) -> RunQueue:
        """The queue of accepted requests."""
        if self._run_queue is not None:
            return self._run_queue
        from semantest_iac.infrastructure.process_starts import has_process_ended
        from semantest_iac.infrastructure.run_queue.run_table import RunTable

        ledger = self._require_sql_ledger("run queue")
        return RunTable(ledger.database, ledger, lambda holder: has_process_ended(holder.worker))

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """The messages that could not be read, or not be published."""
        from semantest_iac.infrastructure.transports.records.dead_letter_table import DeadLetterTable

        return DeadLetterTable(self._require_sql_ledger("store of dead letters").database)

    @cached_property
    def transport_positions(self) -> TransportPositions:
        """How far each source of events was read."""
        from semantest_iac.infrastructure.transports.records.position_table import TransportPositionTable

        return TransportPositionTable(self._require_sql_ledger("store of positions").database)

    @cached_property
    def seen_messages(self) -> SeenMessages:
        """Which messages were taken from sources that have no order."""
        from semantest_iac.infrastructure.transports.records.seen_message_table import SeenMessageTable

        return SeenMessageTable(self._require_sql_ledger("store of seen messages").database)

    @cached_property
    def relay_leases(self) -> RelayLeases:
        """Which worker publishes to each target of events, and how far it has come."""
        from semantest_iac.infrastructure.process_starts import has_process_ended
        from semantest_iac.infrastructure.transports.records.relay_lease_table import RelayLeaseTable

        return RelayLeaseTable(self._require_sql_ledger("store of leases").database, has_process_ended)

    @property
    def _manifest(self) -> HomeManifest:
        from semantest_iac.infrastructure.home_manifest import HomeManifest

        return HomeManifest(self.home)

    def _require_sql_ledger(self, other: str) -> SqlLedger:
        from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger

        if not isinstance(self.ledger, SqlLedger):
            raise TypeError(f"A ledger that is handed in needs a {other} of its own.")
        return self.ledger

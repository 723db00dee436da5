"""How many requests have not ended, and how long the oldest one waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.run_queue import RunQueue, RunState

QUEUE_STATES: tuple[RunState, ...] = tuple(state for state in get_args(RunState) if state != "ended")


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """The requests in the queue by their state, every state with a number; `oldest_age_s` is 0 where none waits."""

    runs_by_state: Mapping[str, int]
    oldest_age_s: float = 0.0


def measure_queue(queue: RunQueue, ledger: LedgerReader, now: datetime) -> QueueFigures:
    """Read the queue; requests that are planned for later do not wait yet. Blocks, and raises LedgerError."""
    runs = queue.list_runs()
    counts = Counter(run.state for run in runs)
    oldest = next((run for run in runs if run.state == "waiting" and (run.due or 0) <= now.timestamp()), None)
    row = ledger.deployment(oldest.deployment) if oldest else None
    age = (now - datetime.fromisoformat(row.requested_at)).total_seconds() if row else 0.0
    return QueueFigures({state: counts[state] for state in QUEUE_STATES}, max(0.0, age))

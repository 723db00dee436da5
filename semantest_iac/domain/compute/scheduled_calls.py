"""How the ticks of a schedule are kept, so that none is lost and none is repeated beyond what its cloud does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeptSchedule:
    """A deployed schedule: a cron expression of five fields and a time zone of the tz database; times in seconds.

    Ticks that were missed for at most `catch_up_s` are made up for. `runs_alone`: while a tick is handled the next ones
    are left out, and of several missed ones the first stands for all. A tick that failed is repeated after each of the
    `retry_pauses_s`. One whose handler ended without an answer is repeated after `lock_s`.
    """

    key: str
    stack: str
    expression: str
    zone: str
    lock_s: float
    catch_up_s: float = 3600
    runs_alone: bool = False
    retry_pauses_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class DueTick:
    """A tick that is handled for the `attempt`-th time; `planned` is when it was due, in UTC."""

    planned: datetime
    attempt: int = 1

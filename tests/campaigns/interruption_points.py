"""The moments at which a command can be interrupted, and how it is interrupted there.

A point is written as `kill:write:7`: how (kill or terminate), the moment, and its number from 1. `kill` is SIGKILL,
`terminate` is SIGTERM, which the command line answers by cancelling. The moments:

- event: an event was recorded in the ledger, the journal of steps included
- operation: the engine reported that an operation on a resource started or ended
- write: something is about to become durable: a commit, a line of a journal, a file that is created, replaced or
  removed
- time: thousandths of the time that the command takes, for the campaign of kills
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

ReportMoment = Callable[[str], None]
"""Receives the name of a moment that was reached."""

SIGNALS = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM}
KINDS = (
    ("kill", "write"),
    ("kill", "event"),
    ("terminate", "event"),
    ("kill", "operation"),
    ("terminate", "operation"),
)
RANDOM_MOMENT = ("kill", "time")
"""SIGKILL after so many thousandths of the time that the command takes without it."""
THOUSANDTHS = 1000
_FILE_EVENTS = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.truncate"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Point(NamedTuple):
    """One interruption: how, at which moment, and at the how-manieth of its kind."""

    how: str
    moment: str
    number: int

    @classmethod
    def parse(cls, text: str) -> Point:
        """Read `kill:write:7`; raises ValueError for anything else."""
        how, moment, number = text.split(":")
        if (how, moment) not in (*KINDS, RANDOM_MOMENT):
            raise ValueError(f"'{text}' is no point such as kill:write:7")
        return cls(how, moment, int(number))

    def __str__(self) -> str:
        return f"{self.how}:{self.moment}:{self.number}"


def list_points(counts: Mapping[str, int], kinds: Collection[str] = ()) -> list[list[Point]]:
    """Every point of a command that reached each moment so often, one list for each kind; without `kinds`, all."""
    return [
        [Point(how, moment, number + 1) for number in range(counts.get(moment, 0))]
        for how, moment in KINDS
        if not kinds or f"{how}:{moment}" in kinds
    ]


def draw_points(counts: Mapping[str, int], count: int, seed: str, kinds: Collection[str] = ()) -> list[Point]:
    """Draw so many points, as evenly as possible from each kind; the same seed draws the same."""
    dice = random.Random(seed)
    shuffled = [dice.sample(points, len(points)) for points in list_points(counts, kinds)]
    dice.shuffle(shuffled)
    return [point for each in zip_longest(*shuffled) for point in each if point][:count]


def draw_random_moments(count: int, seed: str) -> list[Point]:
    """Draw so many random moments."""
    dice = random.Random(seed)
    return [Point(*RANDOM_MOMENT, dice.randrange(THOUSANDTHS) + 1) for _ in range(count)]


def kill_at_moment(point: Point, command_ms: int) -> None:
    """Have the kernel kill this process at a random moment of a command that takes so long."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, max(command_ms * point.number / THOUSANDTHS / 1000, 0.001))


class Countdown:
    """Sends this process the signal of a point when it is reached."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self._remaining = point.number

    def __call__(self, moment: str) -> None:
        if moment == self._point.moment:
            self._remaining -= 1
            if self._remaining == 0:
                os.kill(os.getpid(), SIGNALS[self._point.how])


class MomentCounter:
    """Counts the moments of a command that is not interrupted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, moment: str) -> None:
        self.counts[moment] += 1


def report_writes(folder: Path, report: ReportMoment) -> None:
    """Report the moment `write` before each write below the folder; holds until the process ends."""
    inside = f"{folder}{os.sep}"

    def on_audit_event(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FILE_EVENTS and str(arguments[0]).startswith(inside) and _is_write(event, arguments):
            report("write")

    def on_statement(statement: str) -> None:
        if statement.lower().startswith("commit"):
            report("write")

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = _connect(*arguments, **options)
        connection.set_trace_callback(on_statement)
        return connection

    def write(descriptor: int, content: bytes) -> int:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            report("write")
        return _write(descriptor, content)

    sys.addaudithook(on_audit_event)
    # nothing audits a statement, or a write to an open file such as the journal of the sandbox
    sqlite3.connect, os.write = connect, write  # type: ignore[assignment]


_connect, _write = sqlite3.connect, os.write


def _is_write(event: str, arguments: Sequence[Any]) -> bool:
    return event != "open" or bool((arguments[2] or 0) & _WRITING)

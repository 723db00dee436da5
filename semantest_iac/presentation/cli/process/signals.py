"""Turns SIGINT, SIGTERM and SIGHUP into the cancellation of the running command.

A signal that was ignored when the process started stays ignored, as SIGHUP is below `nohup`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

TYPE_CHECKING = False  # this module is imported before everything that takes long, `typing` included
if TYPE_CHECKING:
    from typing import Any, NoReturn

CANCELLED_EXIT_CODE = 4
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FORCING_SIGNAL = 3

OnSignal = Callable[[int, str], object]
"""Gets how many signals there were, counted from 1, and the name of this one; called between any two instructions."""


class CancelledBySignal(KeyboardInterrupt):
    """A signal has cancelled the command; its argument is the name of the signal."""


class EndedAtOnce(CancelledBySignal):
    """A second signal has come while the command was being cancelled: nothing that still runs is waited for."""


class _State:
    """What this process knows of its signals."""

    def __init__(self) -> None:
        self.interruption: CancelledBySignal | None = None
        self.later = 0
        self.left_behind: list[Any] = []


_STATE = _State()


def interrupt_on_signals() -> None:
    """Raise CancelledBySignal in the main thread at the first signal; called before the long imports of the program.

    The second one is ignored while the first is reported, and the third ends the process.
    """
    _install(_interrupt)


def _interrupt(number: int, frame: object) -> None:
    if _STATE.interruption is None:
        _STATE.interruption = CancelledBySignal(signal.Signals(number).name)
        raise _STATE.interruption
    _STATE.later += 1
    if _STATE.later + 1 >= _FORCING_SIGNAL:
        os._exit(CANCELLED_EXIT_CODE)


@contextmanager
def forward_signals(on_signal: OnSignal, *, forced_from: int = _FORCING_SIGNAL) -> Iterator[None]:
    """Pass signals to the callback for the block; from the `forced_from`-th on they end the process at once.

    Raises CancelledBySignal for an earlier signal whose exception was lost, as it is in a destructor.
    """
    if _STATE.interruption is not None:
        raise _STATE.interruption
    count = 0

    def handle(number: int, frame: object) -> None:
        nonlocal count
        count += 1
        if count >= forced_from:
            os._exit(CANCELLED_EXIT_CODE)
        on_signal(count, signal.Signals(number).name)

    before = _install(handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _install(handler: Callable[[int, Any], None]) -> dict[int, Any]:
    """Set the handler of each signal that is not ignored, and return the former ones; only the main thread can."""
    before: dict[int, Any] = {}
    with suppress(ValueError):
        for number in _SIGNALS:
            former = signal.getsignal(number)
            if former is not signal.SIG_IGN:
                signal.signal(number, handler)
                before[number] = former
    return before


def leave_behind(*running: object) -> None:
    """Keep what still runs from being waited for: the process ends without it."""
    _STATE.left_behind += running


def has_left(running: object) -> bool:
    """Whether this was left behind."""
    return any(each is running for each in _STATE.left_behind)


def exit_process(code: int) -> NoReturn:
    """End the process with this code, without the threads that were left behind; later signals change nothing."""
    _install(_ignore)
    if _STATE.left_behind:
        os._exit(code)
    gc.freeze()  # else the interpreter looks through all objects again before it ends
    sys.exit(code)


def _ignore(number: int, frame: object) -> None:
    """Ignore the signal."""


def exit_cancelled(error: KeyboardInterrupt) -> NoReturn:
    """End the process with one line that says why, for a signal that came before or after the command."""
    _install(_ignore)
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"Error: {describe_cancellation(error)}\n")
        sys.stderr.flush()
    exit_process(CANCELLED_EXIT_CODE)


def describe_cancellation(error: BaseException) -> str:
    """Return a sentence that names the signal, unless it was Ctrl-C."""
    cause = error if isinstance(error, CancelledBySignal) else error.__cause__
    name = str(cause) if isinstance(cause, CancelledBySignal) else ""
    return "Cancelled." if name in ("", signal.SIGINT.name) else f"Cancelled by {name}."

"""Keeps a lease for as long as its run takes, and tells the run when it is lost or to be cancelled."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType

from semantest_iac.application.ports.run_queue import RunLease, RunQueue

_LOG = logging.getLogger(__name__)
_RENEWALS_PER_LEASE = 15  # each one asks too whether the run is to be cancelled, which a person waits for
_LOST_AFTER = 0.6  # of a lease without a renewal
_STOPPED_WITHIN = 0.25  # of a lease after the loss: what the run has started must have ended before the lease has


def go_on() -> None:
    """Leave a run alone that does not stop."""


class LeaseKeeper:
    """Renews the lease during its block, from a thread of its own: the event loop may be busy for long.

    `on_lost` and `on_cancel` are called once at most, in the event loop. `on_stuck` is called in a thread if the block
    goes on for a quarter of a lease after the loss, so that another worker may begin while this run still works.
    """

    def __init__(
        self,
        queue: RunQueue,
        lease: RunLease,
        lease_s: float,
        *,
        on_lost: Callable[[], object],
        on_cancel: Callable[[], object],
        on_stuck: Callable[[], object] = go_on,
    ) -> None:
        self._queue = queue
        self._lease = lease
        self._lease_s = lease_s
        self._callbacks = {"lost": on_lost, "cancel": on_cancel}
        self._on_stuck = on_stuck
        self._has_ended = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._renewed_at = monotonic()

    @property
    def is_overdue(self) -> bool:
        """Whether the lease has ended, and what has the right to go on only with it still does."""
        return not self._has_ended.is_set() and monotonic() - self._renewed_at > self._lease_s

    def __enter__(self) -> LeaseKeeper:
        for work in (self._renew_until_end, self._watch_until_end):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._has_ended.set()

    def _renew_until_end(self) -> None:
        while not self._has_ended.wait(self._lease_s / _RENEWALS_PER_LEASE):
            began = monotonic()
            try:
                is_cancelled = asyncio.run(self._queue.renew(self._lease, self._lease_s))
            except Exception as error:  # the database may answer again before the lease ends
                _LOG.warning("The lease of %s was not renewed: %s", self._lease.stack, error)
                continue
            if is_cancelled is None:
                self._lose()
                return
            self._renewed_at = began
            if is_cancelled:
                self._call_in_loop("cancel")

    def _watch_until_end(self) -> None:
        """Count a lease as lost that was not renewed for too long; a renewal itself may wait for a database.

        Times in which this process was paused do not count: after them, the renewal tells whether somebody took over.
        """
        step_s, waited_s, renewed_at = self._lease_s / _RENEWALS_PER_LEASE, 0.0, self._renewed_at
        while waited_s < self._lease_s * _LOST_AFTER:
            if self._has_ended.wait(step_s):
                return
            waited_s = waited_s + step_s if renewed_at == self._renewed_at else 0.0
            renewed_at = self._renewed_at
        self._lose()

    def _lose(self) -> None:
        self._call_in_loop("lost")
        if not self._has_ended.wait(self._lease_s * _STOPPED_WITHIN):
            _LOG.critical("The lease of %s is lost, and its deployment does not stop.", self._lease.stack)
            self._on_stuck()

    def _call_in_loop(self, name: str) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whatever ran in it
            self._loop.call_soon_threadsafe(self._call, name)

    def _call(self, name: str) -> None:
        callback = self._callbacks.pop(name, None)
        if callback is not None and not self._has_ended.is_set():
            callback()

"""Keeps a lease for as long as its run takes, and tells the run when it is lost or to be cancelled."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType

from semantest_iac.application.ports.run_queue import RunLease, RunQueue

_LOG = logging.getLogger(__name__)
_RENEWALS_PER_LEASE = 15  # each one asks too whether the run is to be cancelled, which a person waits for
_LOST_AFTER = 0.9  # of a lease without a renewal: what the run has started must have ended before the lease has


class LeaseKeeper:
    """Renews the lease during its block, from a thread of its own: the event loop may be busy for long.

    `on_lost` and `on_cancel` are called once at most, in the event loop.
    """

    def __init__(
        self,
        queue: RunQueue,
        lease: RunLease,
        lease_s: float,
        *,
        on_lost: Callable[[], object],
        on_cancel: Callable[[], object],
    ) -> None:
        self._queue = queue
        self._lease = lease
        self._lease_s = lease_s
        self._callbacks = {"lost": on_lost, "cancel": on_cancel}
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_end, daemon=True)
        self._loop = asyncio.get_running_loop()
        self._deadline: asyncio.TimerHandle | None = None
        self._renewed_at = monotonic()

    @property
    def is_overdue(self) -> bool:
        """Whether the lease has ended, and what has the right to go on only with it still does."""
        return not self._has_ended.is_set() and monotonic() - self._renewed_at > self._lease_s

    def __enter__(self) -> LeaseKeeper:
        self._extend()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._has_ended.set()
        if self._deadline is not None:
            self._deadline.cancel()

    def _renew_until_end(self) -> None:
        while not self._has_ended.wait(self._lease_s / _RENEWALS_PER_LEASE):
            try:
                is_cancelled = asyncio.run(self._queue.renew(self._lease, self._lease_s))
            except Exception as error:  # the database may answer again before the lease ends
                _LOG.warning("The lease of %s was not renewed: %s", self._lease.stack, error)
                continue
            if is_cancelled is None:
                self._call_in_loop("lost")
                return
            self._renewed_at = monotonic()
            self._loop.call_soon_threadsafe(self._extend)
            if is_cancelled:
                self._call_in_loop("cancel")

    def _extend(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if not self._has_ended.is_set():
            self._deadline = self._loop.call_later(self._lease_s * _LOST_AFTER, self._call, "lost")

    def _call_in_loop(self, name: str) -> None:
        self._loop.call_soon_threadsafe(self._call, name)

    def _call(self, name: str) -> None:
        callback = self._callbacks.pop(name, None)
        if callback is not None and not self._has_ended.is_set():
            callback()

"""Whether a worker lives and can carry out requests, for whoever starts it again or sends it work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

from semantest_iac.application.worker import Worker
from semantest_iac.domain.errors import DeploymentError, as_storage_error

_LOG = logging.getLogger(__name__)
CHECK_TIMEOUT_S = 5.0
_KEPT_S = 2.0  # of one answer: whoever asks all the time does not load the database

RunCheck = Callable[[], Awaitable[None]]
"""Raises what is wrong."""


class HealthFault(NamedTuple):
    """What is wrong: the check that failed, and its code; why it failed is in the log, as it may name places."""

    check: str
    code: str


class WorkerHealth:
    """Answers for one worker; `checks` tell what a run needs, by their names."""

    def __init__(
        self,
        worker: Worker,
        checks: Mapping[str, RunCheck],
        timeout_s: float = CHECK_TIMEOUT_S,
        find_transport_faults: Mapping[str, Callable[[], str]] | None = None,
    ) -> None:
        self._find_transport_faults = find_transport_faults or {}
        self._worker = worker
        self._checks = [_RepeatedCheck(name, run, timeout_s) for name, run in checks.items()]
        self._is_draining = False

    def drain(self) -> None:
        """The worker takes no further runs from now on."""
        self._is_draining = True

    def describe_transports(self) -> dict[str, str]:
        """Return for each source and target of events why it is not connected, empty for one that is.

        A worker goes on with what is queued without them, so they do not decide whether it is ready.
        """
        return {name: find_fault() for name, find_fault in self._find_transport_faults.items()}

    def find_liveness_faults(self) -> Sequence[HealthFault]:
        """Return why the process should be started again: a run goes on long after its lease has ended.

        Everything else that could be wrong with this process shows in that its event loop does not answer.
        """
        return [HealthFault("leases", "LEASE_OVERDUE")] if self._worker.has_overdue_lease else []

    async def find_readiness_faults(self) -> Sequence[HealthFault]:
        """Return why no run would begin or succeed now."""
        codes = await asyncio.gather(*(check.find_code() for check in self._checks))
        faults = [HealthFault(check.name, code) for check, code in zip(self._checks, codes, strict=True) if code]
        return [*([HealthFault("worker", "DRAINING")] if self._is_draining else []), *faults]


class _RepeatedCheck:
    """Runs one check at a time however many ask, and keeps its answer for a moment: one that hangs is not repeated."""

    def __init__(self, name: str, run: RunCheck, timeout_s: float) -> None:
        self.name = name
        self._run = run
        self._timeout_s = timeout_s
        self._running: asyncio.Task[str] | None = None
        self._ended_at = 0.0
        self._logged = ""

    async def find_code(self) -> str:
        """Return the code of what is wrong; empty if nothing is."""
        if self._running is None or (self._running.done() and monotonic() - self._ended_at > _KEPT_S):
            self._running = asyncio.create_task(self._find_code())
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.shield(self._running)
        except TimeoutError:
            return self._log("CHECK_TIMED_OUT", f"no answer for {self._timeout_s:g} seconds")

    async def _find_code(self) -> str:
        try:
            await self._run()
            return self._log("", "")
        except Exception as error:
            known = error if isinstance(error, DeploymentError) else as_storage_error(error)
            if known is None:
                return self._log("CHECK_FAILED", f"{type(error).__name__}: {error}")
            return self._log(known.error_code, known.reason)
        finally:
            self._ended_at = monotonic()

    def _log(self, code: str, reason: str) -> str:
        """Say once what is wrong, and once that it is not any more."""
        if code != self._logged:
            self._logged = code
            if code:
                _LOG.warning("This worker is not ready: %s: %s", self.name, reason)
            else:
                _LOG.info("The check of the %s succeeds again.", self.name)
        return code

"""Checks deployed stacks for drift, each once per period or on request, with whatever other workers do the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from time import time

from semantest_iac.application.lease_keeper import LeaseKeeper, go_on
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.run_queue import CheckOutcome, RunHolder, RunLease, RunQueue
from semantest_iac.application.worker import LEASE_S, wait_until_set
from semantest_iac.domain.deployment.change_plan import PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError, LedgerError, NotFoundError, StackBusyError

_LOG = logging.getLogger(__name__)
LONGEST_CHECK_S = 1800.0
_NO_PERIOD_S = 86400.0 * 3650  # only what was requested is due
_LONGEST_PAUSE_S = 10.0
_LOOKS_PER_PERIOD = 4
_GIVES_WAY_EVERY_S = 1.0

CheckStack = Callable[[RunLease, Stack], Awaitable[Sequence[PlannedChange]]]
"""Returns what has drifted, and records it as long as the lease is held."""

FindObstacle = Callable[[Stack], str]
"""Returns why a stack cannot be checked by this worker; empty if it can. It blocks."""


class DriftScheduler:
    """Looks for stacks that are due, and checks one at a time; a deployment that is requested meanwhile comes first.

    Without a period, only those are due of which a check was requested.
    """

    def __init__(  # noqa: PLR0913  # one parameter for each thing that is handed in
        self,
        queue: RunQueue,
        ledger: LedgerReader,
        check: CheckStack,
        find_obstacle: FindObstacle,
        holder: RunHolder,
        period_s: float | None,
        *,
        lease_s: float = LEASE_S,
        on_stuck: Callable[[], object] = go_on,
    ) -> None:
        self._on_stuck = on_stuck
        self._queue = queue
        self._ledger = ledger
        self._check = check
        self._find_obstacle = find_obstacle
        self._holder = holder
        self._period_s = period_s
        self._lease_s = lease_s
        usual_s = _LONGEST_PAUSE_S if period_s is None else period_s / _LOOKS_PER_PERIOD
        self._pause_s = min(usual_s, _LONGEST_PAUSE_S)
        self._named = set[tuple[str, str]]()

    async def serve(self, stopped: asyncio.Event) -> None:
        """Check what is due until `stopped`; a check that runs then is given up."""
        stopping = asyncio.create_task(stopped.wait())
        try:
            while not stopped.is_set():
                checking = asyncio.create_task(self._check_due_stacks())
                await asyncio.wait([checking, stopping], return_when=asyncio.FIRST_COMPLETED)
                if not checking.done():
                    checking.cancel()
                    await asyncio.wait([checking])
                await wait_until_set(stopped, self._pause_s)
        finally:
            stopping.cancel()

    async def check_due_stacks(self) -> None:
        """Check every stack that is due now, one after the other."""
        for stack in await asyncio.to_thread(self._list_due):
            if not await asyncio.to_thread(self._is_possible, stack):
                continue
            period_s = _NO_PERIOD_S if self._period_s is None else self._period_s
            lease = await self._queue.claim_check(str(stack), self._holder, self._lease_s, period_s)
            if lease is not None:
                await self._run_check(lease, stack)

    async def _check_due_stacks(self) -> None:
        try:
            await self.check_due_stacks()
        except DeploymentError as error:
            _LOG.warning("Drift was not looked for, and is soon: %s", error.reason)
        except Exception:
            _LOG.exception("Drift was not looked for, and is soon.")

    def _list_due(self) -> list[Stack]:
        """Return the deployed stacks whose last check and last deployment are a period ago, as far as is known here.

        Those of which a check was requested come first.
        """
        checks = self._queue.list_checks()
        due = [Stack.parse(check.stack) for check in checks if check.outcome == "requested"]
        if self._period_s is None:
            return due
        checked = {check.stack: check.checked_at for check in checks if check.outcome != "requested"}
        before = time() - self._period_s
        for row in self._ledger.stacks():
            newest = self._ledger.deployment(row.newest) if row.owner and row.newest else None
            if newest is None or newest.finished_at is None:
                continue
            finished_at = datetime.fromisoformat(newest.finished_at).timestamp()
            if max(checked.get(row.stack, 0.0), finished_at) <= before:
                due.append(Stack.parse(row.stack))
        return due

    def _is_possible(self, stack: Stack) -> bool:
        """Whether this worker can check the stack; why not is said once."""
        obstacle = self._find_obstacle(stack)
        if obstacle and (str(stack), obstacle) not in self._named:
            self._named.add((str(stack), obstacle))
            _LOG.warning("Drift of %s is not looked for by this worker: %s", stack, obstacle)
        return not obstacle

    async def _run_check(self, lease: RunLease, stack: Stack) -> None:
        """Check one stack, and free it however that ends."""
        checking = asyncio.create_task(self._find_outcome(lease, stack))
        giving_way = asyncio.create_task(self._wait_for_deployment(lease))
        outcome: CheckOutcome = "interrupted"
        stop = checking.cancel
        keeper = LeaseKeeper(self._queue, lease, self._lease_s, on_lost=stop, on_cancel=stop, on_stuck=self._on_stuck)
        try:
            with keeper:
                await asyncio.wait([checking, giving_way], return_when=asyncio.FIRST_COMPLETED)
                if checking.done() and not checking.cancelled():
                    outcome = checking.result()
                elif giving_way.done():
                    outcome = "busy"
        finally:
            for task in (checking, giving_way):
                task.cancel()
            await asyncio.wait([checking, giving_way])
            await self._queue.end_check(lease, outcome)
        _LOG.info("Looked for drift of %s: %s.", stack, outcome.replace("_", " "))

    async def _find_outcome(self, lease: RunLease, stack: Stack) -> CheckOutcome:
        try:
            async with asyncio.timeout(LONGEST_CHECK_S):
                return "drift" if await self._check(lease, stack) else "no_drift"
        except (StackBusyError, NotFoundError):  # a deployment or a destroy was requested meanwhile
            return "busy"
        except TimeoutError:
            _LOG.warning("Looking for drift of %s took longer than %g minutes.", stack, LONGEST_CHECK_S / 60)
        except DeploymentError as error:
            _LOG.warning("Drift of %s could not be looked for: %s", stack, error.reason)
        except Exception:
            _LOG.exception("Drift of %s could not be looked for.", stack)
        return "failed"

    async def _wait_for_deployment(self, lease: RunLease) -> None:
        """Return when another run of the stack waits."""
        while True:
            await asyncio.sleep(_GIVES_WAY_EVERY_S)
            with suppress(LedgerError):  # which may answer again
                runs = await asyncio.to_thread(self._queue.list_runs, [lease.stack])
                if any(run.deployment != lease.deployment and (run.due or 0) <= time() for run in runs):
                    return

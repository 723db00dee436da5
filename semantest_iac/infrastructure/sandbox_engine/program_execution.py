"""Runs a Pulumi program in this process, with the sandbox in place of Pulumi's engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken, StepError

if TYPE_CHECKING:
    from semantest_iac.infrastructure.sandbox_engine.monitor import ResourceMonitor

ResultT = TypeVar("ResultT")

SANDBOX_PROJECT = "semantest-infrastructure"
_PARALLEL = 16


async def run_in_thread(work: Callable[[], ResultT], cancel_token: CancelToken) -> ResultT:
    """Run blocking work in its own thread; on cancellation, wait for the current operation to end."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox") as thread:
        future = asyncio.get_running_loop().run_in_executor(thread, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            cancel_token.cancel(StepError(None, "the run was cancelled"))
            await asyncio.wait([future])
            future.exception()  # retrieved, so that asyncio does not log it: the cancellation is raised instead
            raise


def run_program(program: Callable[[], object], monitor: ResourceMonitor, *, stack: str, dry: bool) -> None:
    """Run the program to its end; raises the reason why the run stopped, or the program's own exception.

    The program gets its own event loop in the calling thread, so that programs do not affect each other and nothing
    that a failed one leaves behind is logged.
    """
    from semantest_iac.infrastructure.cloud_programs.program import leave_out_positions

    leave_out_positions()
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_SynchronousExecutor())
        runner.get_loop().set_exception_handler(_ignore_exception)
        try:
            runner.run(_run_in_stack(program, monitor, stack, dry))
        except Exception as error:
            raise monitor.failure or monitor.find_refused_call(error) or error from error
    if monitor.failure:
        raise monitor.failure


async def _run_in_stack(program: Callable[[], object], monitor: ResourceMonitor, stack: str, dry: bool) -> None:
    from pulumi.runtime import settings
    from pulumi.runtime.stack import run_in_stack

    from semantest_iac.infrastructure.sandbox_engine.monitor import EngineService

    settings.configure(
        settings.Settings(
            project=SANDBOX_PROJECT,
            stack=stack,
            monitor=monitor,
            engine=EngineService(),
            parallel=_PARALLEL,
            dry_run=dry,
        )
    )
    await run_in_stack(lambda: _begin_registrations(program))


async def _begin_registrations(program: Callable[[], object]) -> None:
    """Start every registration before the SDK looks for them.

    If it finds none, it waits for all outputs again after each registration, and the duration of a run grows with the
    square of the number of resources.
    """
    program()
    await asyncio.sleep(0)


class _SynchronousExecutor(ThreadPoolExecutor):
    """Runs what the SDK hands to threads at once in this thread, because our monitor never blocks.

    One thread makes runs repeatable and needs no locks.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _ignore_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore it: a failed program leaves hundreds of futures behind, and the loop would log each one."""

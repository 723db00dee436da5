"""Runs a Pulumi program in this process, with the sandbox in place of Pulumi's engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from semantest_iac.infrastructure.sandbox_engine.monitor import EngineService, ResourceMonitor
from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken, StepError

ResultT = TypeVar("ResultT")

SANDBOX_PROJECT = "semantest-infrastructure"
_PARALLEL = 16


async def run_in_thread(work: Callable[[], ResultT], brake: CancelToken) -> ResultT:
    """Do blocking work in a thread of its own; whoever calls it off waits until the operation under way has ended."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox") as thread:
        working = asyncio.get_running_loop().run_in_executor(thread, work)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            brake.pull(StepError(None, "the run was called off"))
            await asyncio.wait([working])
            working.exception()  # seen: the cancellation says why
            raise


def run_program(program: Callable[[], object], monitor: ResourceMonitor, *, stack: str, dry: bool) -> None:
    """Run the program to its end; raises why the run stopped, or what the program itself raised.

    The program gets an event loop of its own, in the calling thread: several programs do not mix, and nothing that
    a failed one leaves behind is told to anybody.
    """
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_SynchronousExecutor())
        runner.get_loop().set_exception_handler(_ignore_exception)
        try:
            runner.run(_run_in_stack(program, monitor, stack, dry))
        except Exception as error:
            raise monitor.failure or error from error
    if monitor.failure:
        raise monitor.failure


async def _run_in_stack(program: Callable[[], object], monitor: ResourceMonitor, stack: str, dry: bool) -> None:
    from pulumi.runtime import settings
    from pulumi.runtime.stack import run_in_stack

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
    """Let every registration begin before the SDK looks for them.

    If it finds none, it goes on to wait for all outputs at once, again and again, one registration at a time: the
    time of a run then grows with the square of the resources.
    """
    program()
    await asyncio.sleep(0)


class _SynchronousExecutor(ThreadPoolExecutor):
    """Does what the SDK hands to threads at once, in this one: a call of our monitor waits for nobody.

    One thread makes a run the same each time, and spares it the locks.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


def _ignore_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A failed program leaves hundreds of futures behind, and a loop would print each when it is collected."""

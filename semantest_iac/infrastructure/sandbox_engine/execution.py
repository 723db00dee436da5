"""Runs a Pulumi program in this process, with a run of ours in the place of Pulumi's engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.monitor import Engine, Monitor

PROJECT = "semantest-infrastructure"
_PARALLEL = 16


async def execute(program: Callable[[], None], monitor: Monitor, *, stack: str, dry: bool) -> None:
    """Run the program to its end; raises why the run stopped, or what the program itself raised.

    Concurrent executions do not mix: the SDK keeps its settings in context variables, and each execution is a
    task with a context of its own.
    """
    _hush(asyncio.get_running_loop())
    await asyncio.create_task(_run(program, monitor, stack, dry))


async def _run(program: Callable[[], None], monitor: Monitor, stack: str, dry: bool) -> None:
    from pulumi.runtime import settings
    from pulumi.runtime.stack import run_in_stack

    engine = Engine()
    settings.configure(
        settings.Settings(project=PROJECT, stack=stack, monitor=monitor, engine=engine, parallel=_PARALLEL, dry_run=dry)
    )
    try:
        await run_in_stack(program)
    except Exception as error:
        raise monitor.failure or error from error
    if monitor.failure:
        raise monitor.failure


def _hush(loop: asyncio.AbstractEventLoop) -> None:
    """A failed program leaves hundreds of futures behind, and the loop would print each when it is collected.

    They outlive the execution, so the handler stays; everything else goes to the one that was there before.
    """
    before = loop.get_exception_handler()
    if getattr(before, "hushes", False):
        return

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "never retrieved" not in context.get("message", ""):
            (before or type(loop).default_exception_handler)(loop, context)

    handle.hushes = True  # type: ignore[attr-defined]  # functions carry attributes
    loop.set_exception_handler(handle)

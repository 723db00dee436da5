"""Starts the PythonEDA application: `python -m semantest_iac.pythoneda update --stack aws-dev`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.pythoneda_bridge.installation import require_pythoneda
from semantest_iac.presentation.cli.failures import CANCELLED, OK, exit_code_for
from semantest_iac.presentation.cli.process.signals import forward_signals
from semantest_iac.presentation.error_lines import format_error

_SECOND = 2


class StoppableRun:
    """Runs an application until it ends or a signal comes; what was being carried out then ends first."""

    def __init__(self, start: Callable[[], Awaitable[Any]]) -> None:
        self._start = start
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[Any] | None = None
        self._is_stopped = False

    async def run(self) -> Any | None:
        """Return the application, None where it was stopped."""
        self._loop, self._running = asyncio.get_running_loop(), asyncio.current_task()
        try:
            return await self._start()
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
            return None

    def stop(self, count: int, signal_name: str) -> None:
        """End the application; called between any two instructions."""
        self._is_stopped = True
        if self._loop is not None and self._running is not None:
            sys.stderr.write(f"Stopping after the deployments in progress ({signal_name}); once more ends at once.\n")
            self._loop.call_soon_threadsafe(self._running.cancel)


def run_pythoneda_application() -> int:
    """Run the application and return its exit code; an error is printed with what to do."""
    try:
        require_pythoneda()
        from semantest_iac.pythoneda.application import APPLICATION_NAME, InfrastructureApplication

        stoppable = StoppableRun(lambda: InfrastructureApplication.main(APPLICATION_NAME))
        with forward_signals(stoppable.stop, forced_from=_SECOND):
            application = asyncio.run(stoppable.run())
    except DeploymentError as error:
        sys.stderr.write("\n".join(format_error(error)) + "\n")
        return exit_code_for(error)
    if application is None:
        return OK if InfrastructureApplication.is_listening() else CANCELLED
    return int(application.exit_code)


if __name__ == "__main__":
    sys.exit(run_pythoneda_application())

"""What every view is shown while a deployment runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.error_lines import as_lines

if TYPE_CHECKING:
    from semantest_iac.application.ports.run_queue import Holder
    from semantest_iac.domain.errors import DeploymentError
    from semantest_iac.domain.ports.provisioner import Tick
    from semantest_iac.presentation.cli.result import Result
    from semantest_iac_events.event import Event


class View:
    """Entered before the deployment starts, left before its result is shown; tells only whom it waits for."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was opened."""

    def event(self, event: Event) -> None:
        """An event was recorded; must not raise."""

    def tick(self, tick: Tick) -> None:
        """An operation on a resource began or ended; called from any thread."""

    def waiting(self, holder: Holder | None) -> None:
        """Another run holds the stack."""
        self._terminal.remark(f"waiting for {holder or 'another run'}")

    def ended(self, result: Result) -> None:
        """The last word."""

    def refused(self, stack: str, error: DeploymentError) -> None:
        """The last word where nothing was begun."""
        self._terminal.remark(*as_lines(error))

"""A deployment as JSON: an event per line as it is recorded, and the result on the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semantest_iac.presentation.cli.failures import as_json
from semantest_iac.presentation.cli.result import nothing_done
from semantest_iac.presentation.cli.views.view import View

if TYPE_CHECKING:
    from semantest_iac.domain.errors import DeploymentError
    from semantest_iac.presentation.cli.result import Result
    from semantest_iac_events.event import Event

JOURNAL = "infrastructure.journal."


class JsonLines(View):
    """CloudEvents; journal entries are for the ledger alone."""

    def event(self, event: Event) -> None:
        """One line."""
        from semantest_iac_events.forms.cloudevents import to_cloudevent

        if not event.type_name.startswith(JOURNAL):
            self._terminal.json(to_cloudevent(event))

    def refused(self, stack: str, error: DeploymentError) -> None:
        """The last line, as of a deployment."""
        self._terminal.json(nothing_done(stack, "rejected") | as_json(error))

    def ended(self, result: Result) -> None:
        """The last line."""
        self._terminal.json(result.as_dict())

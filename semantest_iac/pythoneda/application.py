"""The PythonEDA application that updates and removes stacks as its command line and its events request it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from typing import Any

from pythoneda.shared.application import PythonEDA, enable
from pythoneda.shared.iac import events as iac_events

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.infrastructure.pythoneda_bridge.command_line import UpdateCommand
from semantest_iac.infrastructure.pythoneda_bridge.request_emitter import InfrastructureRequestEmitter
from semantest_iac.pythoneda.deployments import InfrastructureDeployments

_ANSWERS = (
    iac_events.InfrastructureUpdated,
    iac_events.InfrastructureUpdateFailed,
    iac_events.InfrastructureRemoved,
    iac_events.InfrastructureRemovalFailed,
)
_LONGEST_FACT = 2000
APPLICATION_NAME = "semantest_iac.pythoneda.InfrastructureApplication"


@enable(InfrastructureDeployments, home=os.environ.get("SEMANTEST_HOME") or ".semantest", forward_events=True)
@enable(InfrastructureRequestEmitter)
@enable(UpdateCommand)
class InfrastructureApplication(PythonEDA):
    """Answers requests for infrastructure; `exit_code` is 1 once one of its command line was not carried out."""

    _listens = False

    def __init__(self, name: str = APPLICATION_NAME) -> None:
        self.exit_code = 0
        self._shown = set[str]()
        super().__init__(name, None, __file__)

    def load_all_packages(self) -> None:
        """Load PythonEDA's packages alone: others would be executed a second time, the clouds' SDKs among them."""
        self.load_module_recursive("pythoneda")

    async def accept(self, event: Any) -> list[Any]:
        """Dispatch an event, and print each answer to a request once, however often it is delivered."""
        returned: list[Any] = await super().accept(event)
        for each in (event, *returned):
            if isinstance(each, _ANSWERS) and each.id not in self._shown:
                self._shown.add(each.id)
                sys.stdout.write("\n".join(_format_answer(each)) + "\n")
                sys.stdout.flush()
        return returned

    async def accept_infrastructure_request(self, event: Any) -> None:
        """Take a request of the command line."""
        answers = [each for each in await self.accept(event) if isinstance(each, _ANSWERS)]
        if any(each.is_error and event.id in each.previous_event_ids for each in answers):
            self.exit_code = 1

    def accept_listening(self) -> None:
        """Go on after the ports are done."""
        type(self)._listens = True
        sys.stdout.write("Waiting for requests. Press Ctrl-C to stop.\n")
        sys.stdout.flush()

    @classmethod
    def is_listening(cls) -> bool:
        """Whether the command line said to go on until a signal comes, which is no failure then."""
        return cls._listens

    async def accept_input(self) -> None:
        """Let every port work, and then wait if the command line says so."""
        await super().accept_input()
        if self._listens:
            await asyncio.Event().wait()


def _format_answer(answer: Any) -> Iterator[str]:
    """Yield the event and its stack as its requester named it, then the facts."""
    yield f"{type(answer).__name__} {answer.stack_name}"
    for name, text in answer.metadata.items():
        yield f"  {name}: " + "\n    ".join(make_printable(line, _LONGEST_FACT) for line in text.split("\n"))

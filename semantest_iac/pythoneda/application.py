"""The PythonEDA application that updates and removes stacks as its command line and its events request it."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from pythoneda.shared.application import PythonEDA, enable

from semantest_iac.infrastructure.pythoneda_bridge.command_line import UpdateCommand
from semantest_iac.infrastructure.pythoneda_bridge.request_emitter import InfrastructureRequestEmitter
from semantest_iac.pythoneda.deployments import InfrastructureDeployments

APPLICATION_NAME = "semantest_iac.pythoneda.InfrastructureApplication"


@enable(InfrastructureDeployments, home=os.environ.get("SEMANTEST_HOME") or ".semantest", forward_events=True)
@enable(InfrastructureRequestEmitter)
@enable(UpdateCommand)
class InfrastructureApplication(PythonEDA):
    """Answers requests for infrastructure; `exit_code` is 1 once one of its command line was not carried out."""

    _listens = False

    def __init__(self, name: str = APPLICATION_NAME) -> None:
        self.exit_code = 0
        super().__init__(name, None, __file__)

    def load_all_packages(self) -> None:
        """Load PythonEDA's packages alone: others would be executed a second time, the clouds' SDKs among them."""
        self.load_module_recursive("pythoneda")

    async def accept_infrastructure_request(self, event: Any) -> None:
        """Take a request of the command line and print its answer: the event, and its facts by name."""
        answers = await self.accept(event)
        for answer in answers:
            if [event.id] == list(answer.previous_event_ids)[:1]:
                self.exit_code = max(self.exit_code, int(answer.is_error))
                lines = [type(answer).__name__, *(f"  {name}: {text}" for name, text in answer.metadata.items())]
                sys.stdout.write("\n".join(lines) + "\n")

    def accept_listening(self) -> None:
        """Go on after the ports are done."""
        type(self)._listens = True

    @classmethod
    def is_listening(cls) -> bool:
        """Whether the command line said to go on until a signal comes, which is no failure then."""
        return cls._listens

    async def accept_input(self) -> None:
        """Let every port work, and then wait if the command line says so."""
        await super().accept_input()
        if self._listens:
            await asyncio.Event().wait()

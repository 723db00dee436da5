"""Carries out the stack operations of PythonEDA applications that listen to requests themselves."""

from __future__ import annotations

from typing import Any

from pythoneda.shared.iac import StackOperation, StackOperationFactory
from pythoneda.shared.iac import events as iac_events

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pythoneda_bridge.request_listeners import answer_pythoneda_request

_SUPPORTED = (iac_events.InfrastructureUpdateRequested, iac_events.InfrastructureRemovalRequested)


class InfrastructureOperation(StackOperation):
    """One update or removal of a stack."""

    async def perform(self) -> list[Any]:
        """Return the answer to the request once it is carried out."""
        return await answer_pythoneda_request(self.event)


class InfrastructureOperationFactory(StackOperationFactory):
    """Creates the operations for requests to update or remove a stack."""

    def new(self, event: Any) -> InfrastructureOperation:
        """Return the operation of a request; raises RefusedError for requests about Docker resources."""
        if isinstance(event, _SUPPORTED):
            return InfrastructureOperation(event)
        raise RefusedError(
            f"Cannot carry out '{type(event).__name__}': only stacks as a whole are updated and removed.",
            "REQUEST_UNSUPPORTED",
            hint="Request an update of the stack, whose component has its code.",
        )

"""Lets `import pythoneda` find the fake framework and fakes of its events of infrastructure."""

from __future__ import annotations

import abc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, ClassVar

from tests.fakes import pythoneda_framework as framework

_NEEDS_PYTHONEDA = ("semantest_iac.infrastructure.pythoneda_bridge", "semantest_iac.pythoneda", "pythoneda")


class InfrastructureEvent(framework.Event):
    """An event about one stack; two of the same stack are equal, whatever their ids."""

    fields: ClassVar[tuple[str, ...]] = ("stack_name", "project_name", "location", "metadata")
    primary_key: ClassVar[tuple[str, ...]] = ("stack_name", "project_name")

    def __init__(
        self,
        stack_name: str,
        project_name: str,
        location: str,
        metadata: dict[str, Any] | None = None,
        previous_event_ids: list[str] | None = None,
        id_: str | None = None,
    ) -> None:
        self.stack_name, self.project_name, self.location = stack_name, project_name, location
        self.metadata = metadata or {}
        super().__init__(previous_event_ids, id_)


class InfrastructureUpdateRequested(InfrastructureEvent):
    pass


class InfrastructureUpdated(InfrastructureEvent):
    pass


class InfrastructureUpdateFailed(InfrastructureEvent):
    is_error = True


class InfrastructureRemovalRequested(InfrastructureEvent):
    pass


class InfrastructureRemoved(InfrastructureEvent):
    pass


class InfrastructureRemovalFailed(InfrastructureEvent):
    is_error = True


class DockerResourcesUpdateRequested(InfrastructureEvent):
    pass


class StackOperation(framework.BaseObject, abc.ABC):
    """An operation on a stack."""

    def __init__(self, event: Any) -> None:
        self.event = event

    @abc.abstractmethod
    async def perform(self) -> list[Any]: ...


class StackOperationFactory(framework.Port, framework.BaseObject, abc.ABC):
    """The port through which applications that listen themselves reach operations."""

    @abc.abstractmethod
    def new(self, event: Any) -> StackOperation: ...


EVENTS = (
    InfrastructureUpdateRequested,
    InfrastructureUpdated,
    InfrastructureUpdateFailed,
    InfrastructureRemovalRequested,
    InfrastructureRemoved,
    InfrastructureRemovalFailed,
    DockerResourcesUpdateRequested,
)
_SHARED = ("BaseObject", "Event", "EventEmitter", "EventListener", "Invariants", "Port", "Ports", "PrimaryPort")
_CONTENTS: dict[str, dict[str, Any]] = {
    "pythoneda": {},
    "pythoneda.shared": {name: getattr(framework, name) for name in (*_SHARED, "PythonedaApplication", "listen")},
    "pythoneda.shared.application": {"PythonEDA": framework.PythonEDA, "enable": framework.enable},
    "pythoneda.shared.infrastructure": {},
    "pythoneda.shared.infrastructure.cli": {"CliHandler": framework.CliHandler},
    "pythoneda.shared.iac": {"StackOperation": StackOperation, "StackOperationFactory": StackOperationFactory},
    "pythoneda.shared.iac.events": {event.__name__: event for event in EVENTS},
}


@contextmanager
def fake_pythoneda(*arguments: str, ports: Sequence[type] = ()) -> Iterator[None]:
    """Let `pythoneda` be the fake for the block, with this command line and further ports of the domain.

    What imports it is imported anew, and by nobody after the block.
    """
    before = _take_modules()
    framework.reset_framework(list(arguments))
    framework.PythonEDA.domain_ports = (framework.EventEmitter, *ports)
    for name, contents in _CONTENTS.items():
        module = ModuleType(name)
        module.__dict__.update(contents, __path__=[])
        sys.modules[name] = module
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, module)
    try:
        yield
    finally:
        _take_modules()
        sys.modules.update(before)


def _take_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.startswith(_NEEDS_PYTHONEDA)]
    return {name: sys.modules.pop(name) for name in names}

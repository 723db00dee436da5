"""A PythonEDA application of the tests: its port opens a fake service, and its listeners note what they hear."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from tests.fakes import pythoneda_framework as framework
from tests.fakes.pythoneda_entrance import FakeBridgeService
from tests.fakes.pythoneda_modules import InfrastructureUpdateRequested

_BRIDGE = "semantest_iac.infrastructure.pythoneda_bridge"


class RunningApplication:
    """An application whose ports were entered; `heard` are the events that its own listeners got, in order."""

    def __init__(self, app: Any, heard: list[Any]) -> None:
        self.app = app
        self.heard = heard

    async def request(self, name: str = "aws-dev", **metadata: Any) -> list[Any]:
        """Give the application a request to update, and return what listeners returned."""
        returned: list[Any] = await self.app.accept(InfrastructureUpdateRequested(name, "p", "us-east-1", metadata))
        await self.settle()
        return returned

    async def settle(self) -> None:
        """Wait for everything that the application emits."""
        while pending := [task for task in self.app.tasks if not task.done()]:
            await asyncio.wait(pending)

    async def hear(self, count: int) -> list[Any]:
        """Return the first events that were heard, once there are so many."""
        while len(self.heard) < count:  # noqa: ASYNC110  # listeners of PythonEDA are class methods
            await asyncio.sleep(0.001)
        return self.heard[:count]


@asynccontextmanager
async def run_application(
    service: FakeBridgeService, adapters: Sequence[str] = (), listens_to: Sequence[type] = (), **settings: Any
) -> AsyncIterator[RunningApplication]:
    """Run an application for the block, inside `fake_pythoneda`.

    `adapters` of the bridge (`module:Class`) are enabled beside the port, whose settings these are.
    """
    port = _define_port(service)
    heard: list[Any] = []
    _define_listener(listens_to, heard.append)
    framework.enable(port, **settings)(framework.PythonEDA)
    for adapter in adapters:
        module, _, name = adapter.partition(":")
        framework.enable(getattr(import_module(f"{_BRIDGE}.{module}"), name))(framework.PythonEDA)
    app = await framework.PythonEDA.main("app")
    try:
        yield RunningApplication(app, heard)
    finally:
        await port.close_all()


def _define_port(service: FakeBridgeService) -> Any:
    """Return a port in a module of its own, as PythonEDA looks for adapters."""
    base = import_module(f"{_BRIDGE}.deployments_port").DeploymentsPort
    opened: list[Any] = []

    class TestedDeployments(base):  # type: ignore[misc,valid-type]  # imported anew for each test
        def open_service(self, application: str) -> AbstractAsyncContextManager[FakeBridgeService]:
            opened.append(self)
            return service.open()

        @staticmethod
        async def close_all() -> None:
            for port in opened:
                await port.close()

    module = ModuleType("pythoneda_tested_port")
    TestedDeployments.__module__ = module.__name__
    module.__dict__["TestedDeployments"] = TestedDeployments
    sys.modules[module.__name__] = module
    return TestedDeployments


def _define_listener(event_classes: Sequence[type], note: Callable[[Any], None]) -> None:
    def hear(cls: type, event: Any) -> Any:
        note(event)
        return _nothing()

    methods = {}
    for index, event_class in enumerate(event_classes):
        function: Any = lambda cls, event: hear(cls, event)  # noqa: E731  # each listener is a function of its own
        methods[f"listen_{index}"] = classmethod(framework.listen(event_class)(function))
    type("TestedListener", (framework.EventListener,), methods)


async def _nothing() -> None:
    """Return nothing, as listeners may."""

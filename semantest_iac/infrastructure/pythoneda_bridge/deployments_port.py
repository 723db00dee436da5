"""The primary port that opens a bridge when a PythonEDA application starts, and closes it when that ends."""

from __future__ import annotations

import abc
import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from pythoneda.shared import Invariants, PrimaryPort, PythonedaApplication
from pythoneda.shared.iac import events as iac_events

from semantest_iac.infrastructure.pythoneda_bridge import request_listeners
from semantest_iac.infrastructure.pythoneda_bridge.bridge import (
    BridgeService,
    BridgeSettings,
    PythonedaApp,
    PythonedaBridge,
    set_open_bridge,
)

_BEFORE_EVERY_OTHER_PORT = -1
LISTENERS = (request_listeners.InfrastructureRequestListener, request_listeners.DeploymentRequestListener)
"""What an application listens with as soon as this module is imported."""


class DeploymentsPort(PrimaryPort, abc.ABC):
    """Carries out requests while the application runs; subclasses say what opens the service."""

    settings: ClassVar[BridgeSettings] = BridgeSettings()

    def __init__(self) -> None:
        super().__init__()
        self._bridge: PythonedaBridge | None = None
        self._working: asyncio.Task[None] | None = None

    @classmethod
    def enable(cls, *args: Any, **kwargs: Any) -> None:
        """Take the settings of `@enable(InfrastructureDeployments, home=…, slots=…, forward_events=…)`."""
        super().enable(*args)
        cls.settings = BridgeSettings(**kwargs)

    @classmethod
    def priority(cls) -> int:
        """Come before the ports that wait for input."""
        return _BEFORE_EVERY_OTHER_PORT

    @abc.abstractmethod
    def open_service(self, application: str) -> AbstractAsyncContextManager[BridgeService]:
        """Return what carries out the requests of the application of that name."""

    async def configure(self) -> None:
        """Open the bridge; raises DeploymentError where it cannot be opened."""
        name = _application_name()
        bridge = PythonedaBridge(lambda: self.open_service(name), name, iac_events)
        bridge.forwards = self.settings.forward_events
        await bridge.open()
        set_open_bridge(bridge)
        self._bridge = bridge

    async def entrypoint(self, app: PythonedaApp) -> None:
        """Work beside the other ports, until the event loop of the application ends."""
        bridge = self._bridge
        if bridge is not None:
            if bridge.forwards:
                await bridge.start_forwarding()
            self._working = asyncio.create_task(self._work(bridge, app), name="semantest-iac")
            await asyncio.sleep(0)  # a task that is cancelled before its first step closes nothing

    async def close(self) -> None:
        """Return when the deployments in progress have ended."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.wait([self._working])

    async def _work(self, bridge: PythonedaBridge, app: PythonedaApp) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(bridge.answer_left_behind(app))
                if bridge.forwards:
                    group.create_task(bridge.forward_events(app))
                await asyncio.Event().wait()
        finally:
            await bridge.close()
            if bridge.forwards:
                await bridge.forward_remaining_events(app)
            set_open_bridge(None)


def _application_name() -> str:
    bound = Invariants.instance().apply(PythonedaApplication.invariant_type)
    return str(bound.value.name) if bound is not None else "pythoneda"

"""The processes of the functions of one stack that messages and ticks call, kept warm between calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool, PoolLimits
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import CalledFunction
from semantest_iac.infrastructure.local_service.warm_service import InvocationListener

_log = logging.getLogger(__name__)


class WarmFunctions:
    """Starts processes with the first call; `on_invocation` gets every call when it ends."""

    def __init__(self, on_invocation: InvocationListener, limits: PoolLimits | None = None) -> None:
        self.limits = limits or PoolLimits()
        self._on_invocation = on_invocation
        self._pools: dict[str, FunctionPool] = {}
        self._lock = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def invoke(self, function: CalledFunction, event: object) -> Invocation:
        """Call the function; where it cannot run, the invocation has an error that says why."""
        try:
            pool = await self._get_pool(function, function.choose())
            invocation = await pool.invoke(event)
        except DeploymentError as error:
            text = " ".join(filter(None, (error.message, error.hint)))
            _log.warning("%s was not called: %s", function.name, text)
            invocation = Invocation(None, {"errorType": "Runtime.InitError", "errorMessage": text}, "", 0)
        self._on_invocation(invocation)
        return invocation

    async def switch_to(self, functions: Collection[CalledFunction]) -> None:
        """End the processes of versions that are not called any more, after their running calls."""
        loaders = {key: load for it in functions for key, load in it.versions.items()}
        async with self._lock:
            for key, pool in list(self._pools.items()):
                load = loaders.get(key)
                if load is None or await asyncio.to_thread(load) != pool.spec:
                    self._close(self._pools.pop(key))

    async def aclose(self) -> None:
        """End the processes after their running calls."""
        for key in list(self._pools):
            self._close(self._pools.pop(key))
        await asyncio.gather(*self._closing)

    async def _get_pool(self, function: CalledFunction, key: str) -> FunctionPool:
        async with self._lock:
            if key not in self._pools:
                spec: FunctionSpec = await asyncio.to_thread(function.versions[key])
                self._pools[key] = FunctionPool(spec, self.limits)
            return self._pools[key]

    def _close(self, pool: FunctionPool) -> None:
        closing = asyncio.create_task(pool.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

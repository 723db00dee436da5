"""Gives served functions their tables and buckets: one server for each cloud, started with the first that needs it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol, Self

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.storage.item_tables import TABLE_VARIABLE_PREFIX
from semantest_iac.domain.storage.object_stores import BUCKET_VARIABLE_PREFIX
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources

STORE_VARIABLE_PREFIXES = (TABLE_VARIABLE_PREFIX, BUCKET_VARIABLE_PREFIX)
StoreVariables = Mapping[str, str]
"""Where the stores of a stack are in its cloud, by the variables of its functions."""


class StoresUnavailableError(Exception):
    """Says why this machine has no tables and buckets of a cloud, and what to do."""


class StoreServer(Protocol):
    """A running server of one cloud's tables and buckets."""

    async def provide(self, stores: StoreVariables, resources: DeployedResources) -> Mapping[str, str]:
        """Create what is not there yet, and return the variables with which functions reach it."""
        ...


class StoreServerPart(Protocol):
    """What a cloud brings; `start` raises StoresUnavailableError, and its server ends with the exits."""

    def find_stores(self, resources: DeployedResources) -> StoreVariables: ...

    async def start(self, home: Path, exits: AsyncExitStack) -> StoreServer: ...


ReportStores = Callable[[Stack, float, str], None]
"""Receives a stack whose stores were asked for, the seconds that took, and why they are not there (else empty)."""


class LocalStores:
    """The servers of one `serve`; leaving the block ends them. What goes wrong is reported once for each stack."""

    def __init__(self, home: Path, report: ReportStores) -> None:
        self._home = home
        self._report = report
        self._exits = AsyncExitStack()
        self._servers: dict[str, StoreServer] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._reported: dict[Stack, tuple[str, StoreVariables]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def find_variables(self, stack: Stack, resources: DeployedResources) -> Mapping[str, str]:
        """Return the variables with which the functions of a stack reach their stores; none without any."""
        cloud = CLOUDS[stack.provider]
        if not cloud.local_stores:
            return {}
        part: StoreServerPart = cloud.load_part(cloud.local_stores)
        if not (stores := part.find_stores(resources)):
            return {}
        started = time.perf_counter()
        try:
            async with self._locks[stack.provider]:
                if stack.provider not in self._servers:
                    self._servers[stack.provider] = await part.start(self._home, self._exits)
                variables = await self._servers[stack.provider].provide(stores, resources)
        except StoresUnavailableError as error:
            self._report_once(stack, stores, started, str(error))
            return {}
        self._report_once(stack, stores, started, "")
        return variables

    def _report_once(self, stack: Stack, stores: StoreVariables, started: float, reason: str) -> None:
        if self._reported.get(stack) != (reason, stores):
            self._reported[stack] = reason, stores
            self._report(stack, time.perf_counter() - started, reason)

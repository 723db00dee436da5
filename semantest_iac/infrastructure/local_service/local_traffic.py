"""Measures the traffic of a simulated stack, and remembers its live version while a new one shares the traffic."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.durable_files import replace_file
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.traffic_counts import TrafficCounts
from semantest_iac.infrastructure.nested_text import parse_json

_VERSION, _PACKAGE = "version", "code"


class RememberedVersions:
    """What a simulated cloud does not store of published versions: their variables, which no cloud reports.

    `<home>/traffic/<stack>.json`, as private as the state of the stack, which holds the same of the newest version.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def remember(self, stack: str, resources: Iterable[DeployedResource]) -> None:
        """Keep what runs now; of earlier versions, those that are still published."""
        known = self._read(stack)
        for it in resources:
            if it.versions and (version := str(it.outputs.get(_VERSION, ""))):
                kept = {name: outputs for name, outputs in known.get(it.id, {}).items() if name in it.versions}
                known[it.id] = {**kept, version: {name: it.outputs[name] for name in it.outputs if name != _PACKAGE}}
        replace_file(self._path_of(stack), json.dumps(known).encode())

    def complete(self, stack: str, resources: Iterable[DeployedResource]) -> list[DeployedResource]:
        """Return the resources with what is remembered of their versions."""
        known = self._read(stack)
        return [
            replace(it, versions={**it.versions, **known.get(it.id, {})}) if it.versions else it for it in resources
        ]

    def _read(self, stack: str) -> dict[str, dict[str, Mapping[str, Any]]]:
        with suppress(OSError, ValueError):
            content = parse_json(self._path_of(stack).read_bytes())
            if isinstance(content, dict):
                return content
        return {}

    def _path_of(self, stack: str) -> Path:
        return self._folder / f"{stack}.json"


class LocalTraffic:
    """The TrafficObserver of simulated clouds, whose requests `serve` counts."""

    def __init__(
        self,
        find_resources: Callable[[Stack], Awaitable[DeployedResources]],
        counts: TrafficCounts,
        versions: RememberedVersions,
    ) -> None:
        self._find_resources = find_resources
        self._counts = counts
        self._versions = versions

    async def prepare(self, stack: Stack) -> None:
        """Remember the version that is live."""
        resources = await self._find_resources(stack)
        await asyncio.to_thread(self._versions.remember, str(stack), resources)

    async def observe(self, stack: Stack, since: datetime) -> TrafficObservation:
        """Return what `serve` has counted; a simulated cloud raises no alarms."""
        return await self._counts.observe(stack, since)

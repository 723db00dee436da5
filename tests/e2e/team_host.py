"""The command line as one host of a team: Pulumi's engine with a state elsewhere, and a simulated cloud that all share.

`TEAM_CLOUD` is the file of the simulated cloud. With `TEAM_DIES` the host is gone when the cloud has created a resource
and nobody was told: every process of it is killed at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.engines import ENGINES, EngineContext
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
from semantest_iac.infrastructure.pulumi_engine.operations.supervisor import EngineProcessSupervisor
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import read_backend_settings
from semantest_iac.infrastructure.pulumi_engine.state.states import PendingCreate
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory, open_inventory
from semantest_iac.infrastructure.simulated_provider.server import serve_simulated_providers
from semantest_iac.presentation.cli.program import run_cli

_CLOUD = Path(os.environ.get("TEAM_CLOUD", "cloud.db"))


class _LastCloud:
    """A cloud that creates a resource, and a host that is gone before it is told so."""

    def __init__(self, cloud: Any) -> None:
        self._cloud = cloud

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cloud, name)

    def create(self, *arguments: Any, **options: Any) -> Any:
        self._cloud.create(*arguments, **options)
        for pid in [*_list_descendants(os.getpid()), os.getpid()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _list_descendants(pid: int) -> Iterator[int]:
    """Yield the processes that a process has started, the last ones first."""
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            yield from _list_descendants(int(child))
            yield int(child)


def _open_cloud(package: str, region: str) -> Any:
    cloud = cloud_factory(_CLOUD)(package, region)
    return _LastCloud(cloud) if "TEAM_DIES" in os.environ else cloud


def _serve_provider(provider: str) -> AbstractAsyncContextManager[str]:
    cloud = CLOUDS[provider]
    return serve_simulated_providers(_open_cloud, cloud.regions[0], (cloud.package,))


def _find_created(create: PendingCreate) -> str | None:
    with open_inventory(_CLOUD).read_without_transaction() as reader:
        rows = reader.list_by_owner_prefix(f"{create.urn}#")
        return next((row.id for row in rows if row.id not in create.known_ids), None)


def _create_engine(context: EngineContext) -> PulumiEngine:
    settings = read_backend_settings(context.home / "pulumi", {**context.variables, **os.environ})
    supervisor = EngineProcessSupervisor(settings, context.reveal_secret, _serve_provider)
    return PulumiEngine(supervisor, _find_created, lambda stack: None)


def _has_files(home: Path, stack: str) -> bool:
    return True


if __name__ == "__main__":
    entry = replace(ENGINES[PULUMI_ENGINE], provisioner=_create_engine, has_files=_has_files)
    sys.exit(run_cli(sys.argv[1:], partial(Application, engines={**ENGINES, PULUMI_ENGINE: entry})))

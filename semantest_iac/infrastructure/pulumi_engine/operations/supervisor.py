"""Starts a worker process for each operation, gives it its task, and cleans up after it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac.domain.security.access import AppSecret
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli, find_pulumi_cli
from semantest_iac.infrastructure.pulumi_engine.runs import RUN_MARK_VARIABLE, EngineRun, open_run
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import (
    Operation,
    PendingCreateRecovery,
    WorkerProcess,
    WorkerTask,
    start_worker,
)

IDLE_SESSION_S = 20.0


@dataclass(frozen=True, slots=True)
class EngineProcessSession:
    """A child and all it needs; after `leave` nothing of it is there any more."""

    run: EngineRun
    child: WorkerProcess
    environment: Mapping[str, str]
    providers: str
    leave: Callable[[], Awaitable[None]]


class IdleSessions:
    """Workplaces that are kept for the next order about their stack; left after a while, or with their event loop."""

    def __init__(self) -> None:
        self._kept: dict[Stack, tuple[EngineProcessSession, asyncio.Task[None]]] = {}

    def keep(self, stack: Stack, place: EngineProcessSession) -> None:
        """Nobody is at work there now."""
        self._kept[stack] = place, asyncio.create_task(self._wait(stack, place))

    async def taken(self, stack: Stack) -> EngineProcessSession | None:
        """The one that waits for this stack, if its child still lives."""
        place, end = self._kept.pop(stack, (None, None))
        if place is None or end is None:
            return None
        end.cancel()
        if place.child.is_alive:
            return place
        await place.leave()
        return None

    async def _wait(self, stack: Stack, place: EngineProcessSession) -> None:
        try:
            await asyncio.sleep(IDLE_SESSION_S)
        finally:
            if self._kept.get(stack, (None, None))[0] is place:
                del self._kept[stack]
                await place.leave()


AttachProvider = Callable[[str], AbstractAsyncContextManager[str]]
"""Opens a provider of our own for one run on a cloud; gives it in the form of PULUMI_DEBUG_PROVIDERS, `name:port,…`."""

_Message = Mapping[str, Any]
OnMessage = Callable[[_Message], Awaitable[None]]

_BACKEND_VARIABLE_PREFIXES = ("ARM_", "AWS_", "AZURE_", "LC_")  # backends lie in clouds too
_WORKER_VARIABLES = {
    "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "NO_PROXY", "PATH", "PULUMI_ACCESS_TOKEN", "PYTHONDONTWRITEBYTECODE",
    "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "https_proxy", "http_proxy", "no_proxy",
}  # fmt: skip
_QUIET_CLI_VARIABLES = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",  # parallel runs would delete each other's downloads
}


@dataclass(frozen=True, slots=True)
class EngineProcessSupervisor:
    """One child per order. `variables` are the parent's; a child gets those that programs and clouds need."""

    site: BackendSettings
    secret_value: Callable[[str], str]
    attach: AttachProvider | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    waiting: IdleSessions = field(default_factory=IdleSessions)

    async def carry_out(
        self, order: Operation, hear: OnMessage | None = None, recovery: PendingCreateRecovery | None = None
    ) -> _Message:
        """The child's last message; every earlier one is heard first, and a hearer that raises ends the child.

        After a preview the child stays for a while: an apply that follows at once starts half a second earlier.
        """
        cli = find_pulumi_cli(self.variables)
        place = await self.waiting.taken(order.stack) or await self._opened(order.stack.provider)
        is_done = False
        try:
            last = await _receive_last_message(
                place.child, self._task(replace(order, recovery=recovery), cli, place), hear
            )
            is_done = order.operation == "preview" and "done" in last
            return last
        finally:
            if is_done:
                self.waiting.keep(order.stack, place)
            else:
                await asyncio.shield(place.leave())

    def _task(self, order: Operation, cli: PulumiCli, place: EngineProcessSession) -> WorkerTask:
        return WorkerTask(
            order=order,
            site=self.site,
            cli=cli,
            home=place.run.home,
            folder=place.run.work,
            environment=place.environment,
            secrets={key: self.secret_value(key) for key in _secret_keys(order.work)},
            providers=place.providers,
        )

    async def _opened(self, provider: str) -> EngineProcessSession:
        async with AsyncExitStack() as opening:
            run = opening.enter_context(open_run(self.site.folder / "runs"))
            environment = self._environment(run, provider)
            child = await opening.enter_async_context(start_worker(run, environment))
            providers = await opening.enter_async_context(self._attached(provider))
            opening.push_async_callback(child.dismiss, self.site.grace_s)
            return EngineProcessSession(run, child, environment, providers, opening.pop_all().aclose)

    def _attached(self, provider: str) -> AbstractAsyncContextManager[str]:
        return self.attach(provider) if self.attach else nullcontext("")

    def _environment(self, run: EngineRun, provider: str) -> dict[str, str]:
        given, families = self.variables.items(), (*_BACKEND_VARIABLE_PREFIXES, *CLOUDS[provider].variable_prefixes)
        passed = {name: value for name, value in given if name in _WORKER_VARIABLES or name.startswith(families)}
        folders = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100 - "" means here
        if self.site.plugins:
            (run.home / "plugins").symlink_to(self.site.plugins.absolute(), target_is_directory=True)
        return {
            **passed,
            **_QUIET_CLI_VARIABLES,
            **self.site.variables,
            RUN_MARK_VARIABLE: run.mark,
            "PYTHONPATH": folders,
            "PYTHONUTF8": "1",
        }


async def _receive_last_message(child: WorkerProcess, task: WorkerTask, hear: OnMessage | None) -> _Message:
    async for message in child.asked(task):
        if not message.keys() & {"tick", "settled"}:
            return message
        if hear:
            await hear(message)
    raise await child.died()


def _secret_keys(work: Work | None) -> list[str]:
    """The secrets that the program of this work asks for, sorted."""
    resources = work.blueprint.resources if work else ()
    return sorted({resource.key for resource in resources if isinstance(resource, AppSecret)})

"""Starts a worker process for each operation, gives it its task, and cleans up after it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace

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
    WorkerMessage,
    WorkerProcess,
    WorkerTask,
    start_worker,
)

AttachProvider = Callable[[str], AbstractAsyncContextManager[str]]
"""Serves a provider for one run on a cloud; gives it in the form of PULUMI_DEBUG_PROVIDERS, `name:port,…`."""

OnMessage = Callable[[WorkerMessage], Awaitable[None]]

IDLE_SESSION_S = 20.0
_BACKEND_VARIABLE_PREFIXES = ("ARM_", "AWS_", "AZURE_", "LC_")  # a backend may be in a cloud, too
_WORKER_VARIABLES = {
    "HOME", "HTTPS_PROXY", "HTTP_PROXY", "LANG", "NO_PROXY", "PATH", "PULUMI_ACCESS_TOKEN", "PYTHONDONTWRITEBYTECODE",
    "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "https_proxy", "http_proxy", "no_proxy",
}  # fmt: skip
_QUIET_CLI_VARIABLES = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",  # parallel runs would delete each other's downloads
}


@dataclass(frozen=True, slots=True)
class EngineProcessSession:
    """A worker, its run, its environment and its providers; `close` ends and removes all of them."""

    run: EngineRun
    worker: WorkerProcess
    environment: Mapping[str, str]
    providers: str
    close: Callable[[], Awaitable[None]]


class IdleSessions:
    """Sessions that wait for the next operation on their stack; closed after a while, or with their event loop."""

    def __init__(self) -> None:
        self._sessions: dict[Stack, tuple[EngineProcessSession, asyncio.Task[None]]] = {}

    def add(self, stack: Stack, session: EngineProcessSession) -> None:
        """Keep a session whose operation has ended."""
        self._sessions[stack] = session, asyncio.create_task(self._expire(stack, session))

    async def take(self, stack: Stack) -> EngineProcessSession | None:
        """Remove and return the session of the stack if its worker is alive."""
        session, expiry = self._sessions.pop(stack, (None, None))
        if session is None or expiry is None:
            return None
        expiry.cancel()
        if session.worker.is_alive:
            return session
        await session.close()
        return None

    async def _expire(self, stack: Stack, session: EngineProcessSession) -> None:
        try:
            await asyncio.sleep(IDLE_SESSION_S)
        finally:
            if self._sessions.get(stack, (None, None))[0] is session:
                del self._sessions[stack]
                await session.close()


@dataclass(frozen=True, slots=True)
class EngineProcessSupervisor:
    """Runs each operation in a worker, which gets those of `variables` that programs and clouds need."""

    settings: BackendSettings
    secret_value: Callable[[str], str]
    attach_provider: AttachProvider | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    idle_sessions: IdleSessions = field(default_factory=IdleSessions)

    async def run_operation(
        self, operation: Operation, on_message: OnMessage | None = None, recovery: PendingCreateRecovery | None = None
    ) -> WorkerMessage:
        """Run an operation and return the worker's last message; `on_message` gets the earlier ones and may raise.

        After a preview the worker is kept for a while: an apply that follows at once starts half a second earlier.
        """
        cli = find_pulumi_cli(self.variables)
        stack = operation.stack
        session = await self.idle_sessions.take(stack) or await self._open_session(stack.provider)
        is_reusable = False
        try:
            task = self._create_task(replace(operation, recovery=recovery), cli, session)
            last = await _receive_last_message(session.worker, task, on_message)
            is_reusable = operation.name == "preview" and "done" in last
            return last
        finally:
            if is_reusable:
                self.idle_sessions.add(stack, session)
            else:
                await asyncio.shield(session.close())

    def _create_task(self, operation: Operation, cli: PulumiCli, session: EngineProcessSession) -> WorkerTask:
        return WorkerTask(
            operation=operation,
            settings=self.settings,
            cli=cli,
            home=session.run.home,
            folder=session.run.work,
            environment=session.environment,
            secrets={key: self.secret_value(key) for key in _secret_keys(operation.work)},
            providers=session.providers,
        )

    async def _open_session(self, provider: str) -> EngineProcessSession:
        async with AsyncExitStack() as exits:
            run = exits.enter_context(open_run(self.settings.folder / "runs"))
            environment = self._prepare_worker_environment(run, provider)
            worker = await exits.enter_async_context(start_worker(run, environment))
            attached = self.attach_provider(provider) if self.attach_provider else nullcontext("")
            providers = await exits.enter_async_context(attached)
            exits.push_async_callback(worker.stop, self.settings.grace_s)
            return EngineProcessSession(run, worker, environment, providers, exits.pop_all().aclose)

    def _prepare_worker_environment(self, run: EngineRun, provider: str) -> dict[str, str]:
        prefixes = (*_BACKEND_VARIABLE_PREFIXES, *CLOUDS[provider].variable_prefixes)
        inherited = {
            name: value
            for name, value in self.variables.items()
            if name in _WORKER_VARIABLES or name.startswith(prefixes)
        }
        folders = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100 - "" means here
        if self.settings.plugins:
            (run.home / "plugins").symlink_to(self.settings.plugins.absolute(), target_is_directory=True)
        return {
            **inherited,
            **_QUIET_CLI_VARIABLES,
            **self.settings.variables,
            RUN_MARK_VARIABLE: run.mark,
            "PYTHONPATH": folders,
            "PYTHONUTF8": "1",
        }


async def _receive_last_message(worker: WorkerProcess, task: WorkerTask, on_message: OnMessage | None) -> WorkerMessage:
    async for message in worker.run_task(task):
        if not message.keys() & {"progress", "settled"}:
            return message
        if on_message:
            await on_message(message)
    raise await worker.exit_error()


def _secret_keys(work: Work | None) -> list[str]:
    """The keys of the secrets that the program needs, sorted."""
    resources = work.blueprint.resources if work else ()
    return sorted({resource.key for resource in resources if isinstance(resource, AppSecret)})

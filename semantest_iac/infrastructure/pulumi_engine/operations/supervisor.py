"""Starts a worker process for each operation, gives it its task, and cleans up after it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import RevealSecret, Work
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

IDLE_SESSION_S = 60.0
RESERVATION_S = 2.0
"""How long a session that has previewed a stack is kept for it alone."""
MOST_OPERATIONS = 64
"""After these a worker is replaced, so that nothing that programs and libraries leave in a process piles up."""
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
    """A worker, its run, its environment and its providers; `close` ends and removes all of them.

    `number` counts its operations.
    """

    run: EngineRun
    worker: WorkerProcess
    environment: Mapping[str, str]
    providers: str
    close: Callable[[], Awaitable[None]]
    number: int = 1


@dataclass(slots=True)
class _IdleSession:
    """A session between two operations; `stack` is the one that it has previewed, which is applied next."""

    session: EngineProcessSession
    provider: str
    stack: Stack | None
    since: float
    expiry: asyncio.Task[None] | None = None


class IdleSessions:
    """Sessions that wait for the next operation; closed after a while, or with their event loop.

    One that has previewed a stack is kept for it for a moment, every other one is for any stack of its cloud.
    """

    def __init__(self) -> None:
        self._waiting: list[_IdleSession] = []

    def add(self, session: EngineProcessSession, provider: str, stack: Stack | None) -> None:
        """Keep a session whose operation has ended; with `stack`, an operation on it probably follows."""
        idle = _IdleSession(session, provider, stack, monotonic())
        idle.expiry = asyncio.create_task(self._expire(idle))
        self._waiting.append(idle)

    async def take(self, stack: Stack) -> EngineProcessSession | None:
        """Remove and return a session for an operation on the stack, if there is one whose worker is alive."""
        while (idle := self._choose(stack)) is not None:
            self._waiting.remove(idle)
            if idle.expiry is not None:
                idle.expiry.cancel()
            if idle.session.worker.is_alive:
                return idle.session
            await idle.session.close()
        return None

    def _choose(self, stack: Stack) -> _IdleSession | None:
        own = [idle for idle in self._waiting if idle.stack == stack]
        before = monotonic() - RESERVATION_S
        free = [it for it in self._waiting if it.provider == stack.provider and (not it.stack or it.since < before)]
        return next(reversed(own or free), None)

    async def _expire(self, idle: _IdleSession) -> None:
        try:
            await asyncio.sleep(IDLE_SESSION_S)
        finally:
            if idle in self._waiting:
                self._waiting.remove(idle)
                await idle.session.close()


@dataclass(frozen=True, slots=True)
class EngineProcessSupervisor:
    """Runs each operation in a worker, which gets those of `variables` that programs and clouds need."""

    settings: BackendSettings
    reveal_secret: RevealSecret
    attach_provider: AttachProvider | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    idle_sessions: IdleSessions = field(default_factory=IdleSessions)
    policy_packs: Sequence[Path] = ()

    async def run_operation(
        self, operation: Operation, on_message: OnMessage | None = None, recovery: PendingCreateRecovery | None = None
    ) -> WorkerMessage:
        """Run an operation and return the worker's last message; `on_message` gets the earlier ones and may raise.

        After a success the worker is kept for a while: an operation that follows starts half a second earlier. One that
        was refused, failed, was cancelled or has revealed secrets ends with its operation.
        """
        cli = find_pulumi_cli(self.variables)
        stack = operation.stack
        session = await self.idle_sessions.take(stack) or await self._open_session(stack.provider)
        is_reusable = False
        try:
            secrets = await asyncio.to_thread(self._reveal_secrets, operation.work)
            task = self._create_task(replace(operation, recovery=recovery), cli, session, secrets)
            last = await _receive_last_message(session.worker, task, on_message)
            is_reusable = "done" in last and operation.name != "reveal" and session.number < MOST_OPERATIONS
            return last
        finally:
            if is_reusable:
                next_stack = stack if operation.name == "preview" else None
                self.idle_sessions.add(replace(session, number=session.number + 1), stack.provider, next_stack)
            else:
                await asyncio.shield(session.close())

    def _reveal_secrets(self, work: Work | None) -> dict[str, str]:
        if work is None:
            return {}
        blueprint = work.blueprint
        return {key: self.reveal_secret(blueprint.stack, secret) for key, secret in blueprint.secrets.items()}

    def _create_task(
        self, operation: Operation, cli: PulumiCli, session: EngineProcessSession, secrets: Mapping[str, str]
    ) -> WorkerTask:
        return WorkerTask(
            operation=operation,
            settings=self.settings,
            cli=cli,
            home=session.run.home,
            folder=session.run.work,
            environment=session.environment,
            secrets=secrets,
            providers=session.providers,
            policy_packs=tuple(map(str, self.policy_packs)),
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

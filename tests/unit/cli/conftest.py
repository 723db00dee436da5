"""The command line over the real application, whose adapters answer as a test's `World` says."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pytest

from semantest_iac.application.ports.run_queue import QueuedRun
from semantest_iac.application.ports.stack_locks import LockHolder, OnWait
from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.engines import EngineEntry
from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.provisioner import (
    ApplyResult,
    PublishSettled,
    Removal,
    ReportProgress,
    ResourceProgress,
    Work,
    ignore_progress,
)
from semantest_iac.domain.ports.service_probe import ProbeAnswer, WebSocketConversation
from semantest_iac.presentation.cli.program import run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.request_log import LogRequest, RequestLogEntry
from semantest_iac_events.values import ChangeCounts
from tests.fakes.artifact_builder import FakeArtifactBuilder
from tests.fakes.artifact_store import FakeArtifactStore
from tests.fakes.control_points import ControlPoints
from tests.fakes.memory_ledger import MemoryLedger
from tests.fakes.prerequisite import FakePrerequisite
from tests.fakes.run_queue import FakeRunQueue
from tests.fakes.screen import Screen

SECRET = "hunter2-canary"
ENDPOINT = "https://a1.execute-api.us-east-1.amazonaws.com"
ANSWER = HttpResponse(200, (("content-type", "application/json"),), b'{"ok":true}')
HEALTH = HttpResponse(200, body=f'{{"status":"healthy","key":"{SECRET}"}}'.encode())
FUNCTION = PlannedChange(
    urn="urn:pulumi:s::p::semantest:compute:ServerlessFunction$aws:lambda/function:Function::function",
    type="aws:lambda/function:Function",
    name="function",
    op="create",
)


@dataclass
class World:
    """What the adapters find: files, clouds, other runs and services."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    artifact_store: FakeArtifactStore = field(default_factory=lambda: FakeArtifactStore(ControlPoints()))
    values: dict[str, Any] = field(default_factory=dict)  # of semantest.yaml
    plan: ChangePlan = field(default_factory=lambda: ChangePlan((FUNCTION,)))
    fails: bool = False  # the cloud refuses
    cancels: bool = False  # Ctrl-C during the preview
    raises: BaseException | None = None  # by the queue and by the service
    raises_in: str = ""  # that region alone
    answer: ProbeAnswer = field(default_factory=lambda: ProbeAnswer(ANSWER))
    called: list[HttpRequest] = field(default_factory=list)
    engines: tuple[str, ...] = ("sandbox",)
    printed: dict[str, Sequence[Sequence[Mapping[str, Any]]]] = field(default_factory=dict)
    entries: list[RequestLogEntry] = field(default_factory=list)
    needs: list[FakePrerequisite] = field(default_factory=list)
    capabilities: dict[str, Capabilities] = field(default_factory=dict)
    previewed: list[Work] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)  # that a person types at the terminal
    runs: list[QueuedRun] = field(default_factory=list)  # that other processes queued or carry out
    serving: str | None = None  # the address of `serve`
    opened: list[str] = field(default_factory=list)  # in the browser

    @cached_property
    def queue(self) -> FakeRunQueue:
        """The queue of all commands."""
        return FakeRunQueue(self.ledger, {run.deployment: run for run in self.runs})

    def raise_for(self, stack: Stack) -> None:
        """Raise the error that waits for this stack, if there is one."""
        if self.raises and self.raises_in in ("", stack.region):
            raise self.raises


class PlannedProvisioner:
    """Does what the world has planned."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def preview(self, work: Work, progress: ReportProgress = ignore_progress) -> ChangePlan:
        self._world.previewed.append(work)
        if self._world.cancels:
            raise asyncio.CancelledError
        return self._world.plan

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        if self._world.fails:
            raise ProviderError("Cannot create 'function': no room.", provider="aws", hint="Make room.")
        for change in plan.mutations:
            progress(ResourceProgress(change.urn, change.type, change.name, change.op, "running"))
            progress(ResourceProgress(change.urn, change.type, change.name, change.op, "done", 0.25))
        return ApplyResult(plan, {"endpoint": ENDPOINT})

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        return applied

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        return self._world.plan

    async def detect_drift(self, stack: Stack) -> tuple[PlannedChange, ...]:
        self._world.raise_for(stack)
        return self._world.plan.drift

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        return ChangeCounts(delete=3)


class AnsweringProbe:
    """Gives the world's answer; a health check finds a healthy service that prints its key."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check_package(self, artifact: Artifact) -> None:
        """Accept every package."""

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        self._world.raise_for(stack)
        self._world.called.append(request)
        return ProbeAnswer(HEALTH) if request == HttpRequest("GET", "/health") else self._world.answer

    async def converse(self, stack: Stack, messages: Sequence[str]) -> WebSocketConversation:
        return WebSocketConversation(101, tuple(messages))


class BusyStackLocks:
    """Reports another run first, then gives the stack."""

    def __init__(self, world: World) -> None:
        self._world = world

    def require_room(self) -> None: ...

    @asynccontextmanager
    async def hold(
        self, stack: str, *, deployment: str, on_wait: OnWait | None = None, timeout_s: float | None = None
    ) -> AsyncIterator[None]:
        if on_wait:
            on_wait(LockHolder("d0", 7, "elsewhere", "2026-01-01T12:00:00Z"))
        self._world.raise_for(Stack.parse(stack))
        yield


@dataclass(frozen=True)
class PrintedLogs:
    """What the world's functions printed; Ctrl-C where there is no more."""

    world: World

    def follow_batches(self, stack: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        yield from self.world.printed.get(stack, ((),))
        raise KeyboardInterrupt


class ApplicationInWorld(Application):
    """The application with the adapters that cannot be handed in replaced too."""

    def __init__(self, home: Path, world: World, folder: Path) -> None:
        engine = EngineEntry(lambda _: PlannedProvisioner(world), lambda _, engine: AnsweringProbe(world))
        super().__init__(
            home,
            ledger=world.ledger,
            run_queue=world.queue,
            locks=BusyStackLocks(world),
            engines=dict.fromkeys(world.engines, engine),
            artifacts=FakeArtifactBuilder(ControlPoints()),
            artifact_store=world.artifact_store,
            clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        )
        self._world = world
        self._folder = folder

    def configuration(self, **sources: Any) -> Any:
        (self._folder / "semantest.yaml").write_text(json.dumps(self._world.values), encoding="utf-8")
        environment = {"SEMANTEST_SECRET_CANARY": SECRET}
        return super().configuration(**sources | {"folder": self._folder, "environ": environment})

    def capabilities(self, provider: str) -> Capabilities:
        return self._world.capabilities.get(provider) or Capabilities(provider)

    def prerequisites(self, providers: Collection[str]) -> Any:
        return self._world.needs

    def serving_address(self) -> str | None:
        return self._world.serving

    def node_sdk(self) -> Any:
        return self._world.needs[-1]

    @property
    def function_logs(self) -> Any:
        return PrintedLogs(self._world)

    def gateway(self, variables: Mapping[str, str], address: Any, log_request: Any, *_: Any, **__: Any) -> Any:
        return _serve_entries(self._world.entries, address, log_request)


@asynccontextmanager
async def _serve_entries(
    entries: Sequence[RequestLogEntry], address: tuple[str, int], log_request: LogRequest
) -> AsyncIterator[str]:
    """Report these requests, then stop as `kill` does."""
    loop = asyncio.get_running_loop()
    for entry in entries:
        loop.call_later(0.01, log_request, entry)
    loop.call_later(0.02, signal.raise_signal, signal.SIGTERM)
    yield "http://{}:{}".format(*address)


class AnsweredTerminal(Terminal):
    """A terminal at which a person types the world's answers."""

    def __init__(self, out: Screen, err: Screen, world: World) -> None:
        super().__init__(out, err)
        self._answers = world.answers
        self._opened = world.opened

    @property
    def can_ask(self) -> bool:
        return self.is_interactive

    async def ask_while_running(self, question: str) -> str:
        self.print_remarks(question)
        return self._answers.pop(0)

    def open_browser(self, url: str) -> bool:
        self._opened.append(url)
        return True


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


class Cli(Protocol):
    """Runs one command; `watched` puts a person before stdout."""

    def __call__(self, *arguments: str, watched: bool = False) -> Outcome: ...


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make_application(world: World, tmp_path: Path) -> Callable[[Path], Application]:
    return lambda home: ApplicationInWorld(home, world, tmp_path)


@pytest.fixture
def cli(world: World, make_application: Callable[[Path], Application]) -> Cli:
    def call(*arguments: str, watched: bool = False) -> Outcome:
        out, err = Screen(watched=watched), Screen()
        code = run_cli(arguments, make_application, AnsweredTerminal(out, err, world))
        return Outcome(code, out.text, err.text)

    return call

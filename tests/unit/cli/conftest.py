"""The command line over an application that lives in memory."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.message_bus import Observer
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.ports.run_queue import LeaseHolder, OnWait
from semantest_iac.application.ports.secret_store import SecretStore
from semantest_iac.domain.blueprints.capabilities import Capabilities
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, find_default_engine
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.provisioner import ReportProgress, ResourceProgress
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.presentation.cli.application import CliApplication, GatewayLogEntry
from semantest_iac.presentation.cli.program import run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac_events.deployments import DeploymentCompleted, DeploymentPlanned, DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.values import HealthAnswer, ResourceChange
from tests.fakes.memory_ledger import MemoryLedger, a_deploy, a_destroy, an_event
from tests.fakes.need import FakeNeed
from tests.fakes.screen import Screen
from tests.fakes.secret_store import FakeSecretStore

SECRET = "hunter2-canary"
ENDPOINT = "https://a1.execute-api.us-east-1.amazonaws.com"
ANSWER = HttpResponse(200, (("content-type", "application/json"),), b'{"ok":true}')
FUNCTION = ResourceChange(
    urn="urn:pulumi:s::p::semantest:compute:ServerlessFunction$aws:lambda/function:Function::function",
    type="aws:lambda/function:Function",
    name="function",
    op="create",
    why=("memorySize",),
)


class Ledger(MemoryLedger):
    """A ledger in memory that counts how often it was made anew."""

    rebuilt = 0

    def rebuild(self) -> None:
        """Nothing was ever folded away."""
        self.rebuilt += 1


@dataclass
class World:
    """What the application finds outside, and how its next deployment ends."""

    ledger: Ledger = field(default_factory=Ledger)
    values: dict[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    plan: ChangePlan = field(default_factory=lambda: ChangePlan((FUNCTION,)))
    state: str = "completed"
    raises: BaseException | None = None
    raises_in: str = ""  # that region alone
    answer: ProbeAnswer = field(default_factory=lambda: ProbeAnswer(ANSWER))
    called: list[HttpRequest] = field(default_factory=list)
    engines: tuple[str, ...] = ("sandbox",)
    cloud: str = "sandbox"
    printed: dict[str, Sequence[Sequence[Mapping[str, Any]]]] = field(default_factory=dict)
    entries: list[GatewayLogEntry] = field(default_factory=list)
    needs: list[FakeNeed] = field(default_factory=list)
    capabilities: dict[str, Capabilities] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """A configuration without places."""

    configuration: DeploymentConfiguration
    faults: tuple[Fault, ...]
    positions: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[Fault, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def locate(self, faults: Any) -> tuple[Fault, ...]:
        """Where they were."""
        return tuple(faults)


def _id(stack: Stack) -> str:
    return "d1" if stack.region == "us-east-1" else f"d1-{stack.region}"


@dataclass
class FakeDeployments:
    """The use cases, whose deployments end as the world says."""

    world: World
    progress: ReportProgress
    observer: Observer | None

    async def deploy(
        self,
        stack: Stack,
        configuration: Mapping[str, Any],
        *,
        by: str = "",
        settings: ComponentSettings | None = None,
        batch: str | None = None,
        on_wait: OnWait = lambda _: None,
    ) -> DeploymentRow:
        """Wait for somebody, plan, tick once, end."""
        on_wait(LeaseHolder("d0", 7, "elsewhere", "2026-01-01T12:00:00Z"))
        identity = {**asdict(stack), "deployment_id": _id(stack)}
        self._tell(DeploymentRequested(**identity))
        await self._record(stack, an_event("deployment.requested", _id(stack), stack=str(stack)))
        if self.world.raises and self.world.raises_in in ("", stack.region):
            raise self.world.raises
        self._tell(DeploymentPlanned(**identity, changes=self.world.plan.changes, resources=self.world.plan.mutations))
        self.progress(ResourceProgress(FUNCTION.urn, FUNCTION.type, FUNCTION.name, "create", "running"))
        self.progress(ResourceProgress(FUNCTION.urn, FUNCTION.type, FUNCTION.name, "create", "done", 0.25))
        return await (self._completed(stack) if self.world.state == "completed" else self._failed(stack))

    async def preview(
        self, stack: Stack, configuration: Mapping[str, Any], *, settings: ComponentSettings | None = None
    ) -> DeploymentContext:
        """The world's plan."""
        return DeploymentContext(DeploymentRequested(**asdict(stack)), plan=self.world.plan)

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        """The world's plan."""
        return self.world.plan

    async def destroy(self, stack: Stack, *, by: str = "", on_wait: OnWait = lambda _: None) -> DeploymentRow:
        """Ends well."""
        await self._record(stack, *a_destroy("d2", stack=str(stack)))
        return self._row("d2")

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """The world's answer."""
        if self.world.raises:
            raise self.world.raises
        self.world.called.append(request)
        return self.world.answer

    async def _completed(self, stack: Stack) -> DeploymentRow:
        health = HealthAnswer(path="/health", status=200, body=f'{{"status":"healthy","key":"{SECRET}"}}')
        changes, identity = self.world.plan.changes, {**asdict(stack), "deployment_id": _id(stack)}
        self._tell(DeploymentCompleted(**identity, changes=changes, endpoint=ENDPOINT, health=health))
        told: dict[str, Any] = {
            "changes": changes.model_dump(),
            "endpoint": ENDPOINT,
            "outputs": {"endpoint": ENDPOINT},
        }
        await self._record(stack, *a_deploy(_id(stack), stack=str(stack), **told)[1:])
        return self._row(_id(stack))

    async def _failed(self, stack: Stack) -> DeploymentRow:
        told = {"code": "PROVIDER_ERROR", "reason": "Cannot create 'function': no room.", "hint": "Make room."}
        await self._record(stack, an_event("deployment.failed", _id(stack), stack=str(stack), data=told))
        return self._row(_id(stack))

    async def _record(self, stack: Stack, *events: Any) -> None:
        await self.world.ledger.append(str(stack), None, events)

    def _row(self, deployment: str) -> DeploymentRow:
        row = self.world.ledger.deployment(deployment)
        assert row is not None
        return row

    def _tell(self, event: Event) -> None:
        if self.observer:
            self.observer(event)


class FakeLogs(NamedTuple):
    """What the world's functions printed."""

    world: World

    def batches(self, stack: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """One after the other, and Ctrl-C where there are no more."""
        yield from self.world.printed.get(stack, ((),))
        raise KeyboardInterrupt


class FakeApplication:
    """What the command line needs, in memory."""

    providers = CLOUD_ENTRIES

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
        """That of the environment, if the world has it."""
        return EngineChoice(find_default_engine(stack.environment, self._world.engines), self._world.cloud)

    def __init__(self, home: Path, world: World) -> None:
        self.home = home
        self.ledger = world.ledger
        self.validation = ValidationService(date(2026, 1, 1), CLOUD_ENTRIES)
        self._world = world

    def configuration(self, **sources: Any) -> Written:
        """The world's values with the options over them."""
        options = {name: word for name, word in sources["options"].items() if word is not None}
        return Written(DeploymentConfiguration.model_validate(self._world.values | options), self._world.faults)

    def capabilities(self, provider: str) -> Capabilities:
        """The world's, else everything."""
        return self._world.capabilities.get(provider) or Capabilities(provider)

    def account_stacks(self, stack: Stack, engine: EngineChoice) -> None:
        """Nobody's."""

    def prerequisites(self, providers: Collection[str]) -> list[FakeNeed]:
        """The world's."""
        return self._world.needs

    def configuration_schema(self) -> dict[str, Any]:
        """Short."""
        return {"title": "semantest.yaml"}

    def secrets(self, variables: Mapping[str, str]) -> SecretStore:
        """None is set."""
        return FakeSecretStore({})

    def redactor(self, variables: Mapping[str, str]) -> Callable[[str], str]:
        """Knows one secret."""
        return lambda text: text.replace(SECRET, "***")

    @property
    def function_logs(self) -> FakeLogs:
        """The world's."""
        return FakeLogs(self._world)

    @asynccontextmanager
    async def gateway(
        self, variables: Mapping[str, str], address: tuple[str, int], tell: Callable[[GatewayLogEntry], None]
    ) -> AsyncIterator[str]:
        """Answers the world's requests, after which somebody stops it."""
        loop = asyncio.get_running_loop()
        for entry in self._world.entries:
            loop.call_later(0.01, tell, entry)
        loop.call_later(0.02, signal.raise_signal, signal.SIGTERM)
        yield "http://{}:{}".format(*address)

    def deployments(
        self,
        variables: Mapping[str, str],
        *,
        engine: EngineChoice = EngineChoice(),  # noqa: B008 - a value
        progress: ReportProgress = lambda _: None,
        observer: Observer | None = None,
    ) -> FakeDeployments:
        """Deployments in this world."""
        return FakeDeployments(self._world, progress, observer)


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
    """Empty, and deployments succeed in it."""
    return World()


@pytest.fixture
def cli(world: World) -> Cli:
    """The command line in that world."""

    def call(*arguments: str, watched: bool = False) -> Outcome:
        out, err = Screen(watched=watched), Screen()

        def application_at(home: Path) -> CliApplication:
            return FakeApplication(home, world)

        code = run_cli(arguments, application_at, Terminal(out, err))
        return Outcome(code, out.text, err.text)

    return call

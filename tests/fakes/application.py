"""The application with fake adapters, and helpers to deploy with it and to read what it recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from semantest_iac.application.deployment.recorder import EventRecorder
from semantest_iac.application.deployment.recovery import failure_event
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.engines import EngineEntry
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import SANDBOX_ENGINE
from semantest_iac.domain.guardrails.plan_review import ReviewPlan
from semantest_iac.domain.ports.provisioner import ResourceProgress
from tests.fakes.artifact_builder import FakeArtifactBuilder
from tests.fakes.artifact_store import FakeArtifactStore
from tests.fakes.control_points import ControlPoints
from tests.fakes.memory_ledger import MemoryLedger
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.run_queue import FakeRunQueue
from tests.fakes.service_probe import FakeServiceProbe
from tests.fakes.stack_locks import FakeStackLocks
from tests.fakes.timer import FakeTimer

REST = Stack("rest-api", "aws", "development", "us-east-1")
ACCOUNT = Stack("account", "aws", "development", "us-east-1")
SECRET = "hunter2-canary"
VARIABLES = {"SEMANTEST_SECRET_TOKEN": SECRET}


class InMemoryApp:
    """The application whose adapters keep everything in memory, each one open to the test.

    `now` is what its clock says.
    """

    def __init__(self, ledger: MemoryLedger | None = None, review_plan: ReviewPlan | None = None) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.points = ControlPoints()
        self.ledger = ledger or MemoryLedger()
        self.provisioner = FakeProvisioner(self.points)
        self.artifacts = FakeArtifactBuilder(self.points)
        self.artifact_store = FakeArtifactStore(self.points)
        self.probe = FakeServiceProbe(self.points)
        self.queue = FakeRunQueue(self.ledger)
        self.locks = FakeStackLocks()
        self.progress: list[ResourceProgress] = []
        self.application = Application(
            Path("home"),
            ledger=self.ledger,
            run_queue=self.queue,
            locks=self.locks,
            engines={SANDBOX_ENGINE: EngineEntry(lambda _: self.provisioner, lambda _, engine: self.probe)},
            artifacts=self.artifacts,
            artifact_store=self.artifact_store,
            timer=FakeTimer(per_read=1000),
            clock=lambda: self.now,
            review_plan=review_plan,
        )
        self.use_cases = self.application.deployments(VARIABLES, progress=self.progress.append)

    @property
    def service(self) -> DeploymentService:
        """The domain service on the same fakes."""
        return DeploymentService(self.provisioner, self.artifacts, self.artifact_store, self.probe)

    @property
    def bus(self) -> MessageBus:
        """A bus without handlers that records in the same ledger."""
        return MessageBus(self.recorder.record, partial(failure_event, self.ledger))

    @property
    def recorder(self) -> EventRecorder:
        """Records in the same ledger."""
        return EventRecorder(self.ledger, self.application.redactor(VARIABLES))

    async def deploy(self, stack: Stack = REST, **section: Any) -> DeploymentRow:
        """Deploy the stack with this section of its component."""
        return await self.use_cases.deploy(stack, configuration_of(stack, **section))

    @property
    def recorded(self) -> list[str]:
        """Every recorded event in short: its type without the prefix, and the step if it names one."""
        return [short_form(row.event) for row in self.ledger.recorded]


def configuration_of(stack: Stack = REST, **section: Any) -> dict[str, Any]:
    """Return a configuration with one section."""
    return {"components": {stack.component: section}} if section else {}


def short_form(event: dict[str, Any]) -> str:
    """Return `journal.step.intended:apply` and the like."""
    step = event["data"].get("step")
    kind = str(event["type"]).removeprefix("infrastructure.")
    return f"{kind}:{step}" if step else kind

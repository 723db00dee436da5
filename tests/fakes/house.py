"""The whole application on fakes, and the words to ask it for something."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from semantest_iac.application.deployment.failures import failure_event
from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.deployment.recorder import EventRecorder
from semantest_iac.application.handlers.deploy_account import deploy_account
from semantest_iac.application.handlers.deploy_rest_api import deploy_rest_api
from semantest_iac.application.handlers.deploy_websocket import deploy_websocket
from semantest_iac.application.handlers.destroy import destroy
from semantest_iac.application.intake.intake import Intake
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested
from tests.fakes.artifact_builder import FakeArtifactBuilder
from tests.fakes.memory_ledger import MemoryLedger
from tests.fakes.points import Points
from tests.fakes.provisioner import FakeProvisioner
from tests.fakes.run_queue import FakeRunQueue
from tests.fakes.secret_store import FakeSecretStore
from tests.fakes.service_probe import FakeServiceProbe

REST = Stack("rest-api", "aws", "development", "us-east-1")
ACCOUNT = Stack("account", "aws", "development", "us-east-1")
SECRET = "hunter2-canary"


class House:
    """What bootstrap joins, with nothing behind it but memory; everything is open to the test."""

    def __init__(self, ledger: MemoryLedger | None = None) -> None:
        self.points = Points()
        self.ledger = ledger or MemoryLedger()
        self.provisioner = FakeProvisioner(self.points)
        self.artifacts = FakeArtifactBuilder(self.points)
        self.probe = FakeServiceProbe(self.points)
        self.secrets = FakeSecretStore({"token": SECRET})
        self.queue = FakeRunQueue()
        self.ticks: list[ResourceProgress] = []
        service = DeploymentService(self.provisioner, self.artifacts, self.probe)
        self.bus = MessageBus(
            EventRecorder(self.ledger, lambda text: text.replace(SECRET, "***")).record, failure_event
        )
        preparation = Preparation(ValidationService(date(2026, 1, 1), CLOUD_ENTRIES), self.secrets, service)
        self.process = DeploymentProcess(preparation, service, self.bus, self.ledger, self.ticks.append)
        for handler in (deploy_rest_api, deploy_websocket, deploy_account):
            self.bus.register(DeploymentRequested, partial(handler, self.process))
        self.bus.register(InfrastructureRemovalRequested, partial(destroy, self.process))
        self.intake = Intake(preparation, self.queue, self.bus, self.ledger, ["sandbox"])
        self.use_cases = DeploymentUseCase(self.intake, self.process, service, self.probe, self.ledger)

    async def deploy(self, stack: Stack = REST, **section: Any) -> DeploymentRow:
        """Deploy the stack with this section of its component."""
        return await self.use_cases.deploy(stack, configured(stack, **section))

    @property
    def told(self) -> list[str]:
        """Every recorded event in short: its type without the prefix, and the step where it names one."""
        return [short(recorded.event) for recorded in self.ledger.recorded]


def configured(stack: Stack = REST, **section: Any) -> dict[str, Any]:
    """A configuration with one section."""
    return {"components": {stack.component: section}} if section else {}


def short(event: dict[str, Any]) -> str:
    """`journal.step.intended:apply` and the like."""
    step = event["data"].get("step")
    kind = str(event["type"]).removeprefix("infrastructure.")
    return f"{kind}:{step}" if step else kind

"""A folder with a configuration, whose home carries out what people deploy and what events ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from semantest_iac.application.intake.deployment_specs import DeploymentSpec, build_spec
from semantest_iac.application.intake.infrastructure_event_bus import EventResult
from semantest_iac.application.intake.received_events import read_received_event, wrap_event
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac_events.event import StackRequest


class EventFolder:
    """Deploys in a simulated cloud; events come from the source `core`, and the clock may be that of a test."""

    def __init__(self, folder: Path, configuration: str, clock: Callable[[], datetime] | None = None) -> None:
        self.folder = folder
        (folder / "semantest.yaml").write_text(configuration, encoding="utf-8")
        home = folder / ".semantest"
        self.application = Application(home, clock=clock) if clock else Application(home)

    def spec(self, component: str = "rest-api", **section: Any) -> DeploymentSpec:
        values = {"components": {component: section}} if section else {}
        return build_spec(component, self.application.configuration(environ={}, values=values), self.application)

    def deploy_spec(self, spec: DeploymentSpec) -> DeploymentRow:
        use_cases = self.application.deployments({}, engine=spec.engine)
        return asyncio.run(use_cases.deploy(spec.stack, spec.configuration, settings=spec.settings))

    def receive(self, request: StackRequest) -> EventResult:
        [result] = asyncio.run(self.application.event_bus({}).receive(wrap_event(request, "core")))
        return result

    def receive_form(self, form: Mapping[str, Any]) -> EventResult:
        [result] = asyncio.run(self.application.event_bus({}).receive(read_received_event(form, "core")))
        return result

    def work(self) -> None:
        """Carry out everything that is queued."""
        asyncio.run(self.application.worker({}).run_until_idle())

    def row(self, deployment: str) -> DeploymentRow:
        row = self.application.ledger.deployment(deployment)
        assert row is not None
        return row

    def list_events(self, stack: Stack, type_: str) -> list[Mapping[str, Any]]:
        """Return the data of the recorded events of one type, oldest first."""
        return [it.event["data"] for it in self.application.ledger.stream(str(stack)) if it.type == type_]

"""Ten deployments of one stack that differ in code, settings, alarms and flags, and rollbacks to any of them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from semantest_iac.application.intake.deployment_specs import build_spec
from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import SIMULATED_CLOUD, EngineChoice
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.resource import DeployedResource

_PYTHON = """\
import os


def handler(event, context):
    return {{'statusCode': 200, 'body': '{name} ' + os.environ['LEVEL']}}
"""
_NODE = """\
const http = require('node:http');
http.createServer((request, response) => {{
  response.writeHead(200, {{ 'content-type': 'text/plain' }});
  response.end('{name} ' + process.env.LEVEL);
}}).listen(process.env.PORT || 3000);
"""
_ERRORS, _LATENCY = {"type": "error_rate", "threshold": 0.02}, {"type": "latency", "threshold": 800}


@dataclass(frozen=True, slots=True)
class SeriesDeployment:
    """One deployment: which service it has, the settings of the component, and the other sections."""

    service: str
    settings: Mapping[str, Any]
    sections: Mapping[str, Any]

    @property
    def answer(self) -> str:
        """What its service answers to every request."""
        return f"{self.service} {self.settings['environment']['LEVEL']}"


def _deployment(service: str, level: str, memory: int = 512, **sections: Any) -> SeriesDeployment:
    return SeriesDeployment(service, {"memory": memory, "environment": {"LEVEL": level}}, sections)


DEPLOYMENTS = (
    _deployment("python-a", "info"),
    _deployment("node-a", "info"),
    _deployment("node-a", "info", 1024, monitoring={"alerts": [_ERRORS]}),
    _deployment("python-b", "debug", 1024, monitoring={"alerts": [_ERRORS, _LATENCY]}),
    _deployment("python-a", "debug", 1024, monitoring={"alerts": [_ERRORS, _LATENCY]}),  # other code alone
    _deployment("python-a", "debug", 2048, features={"tracing": True}),
    _deployment("node-b", "debug", 2048, features={"tracing": True}),
    _deployment("node-a", "debug", 2048, features={"tracing": True}),  # other code alone
    _deployment("node-a", "warn", 512, monitoring={"alerts": [_LATENCY], "log_retention_days": 30}),
    _deployment("python-b", "info", 512, monitoring={"alerts": [_LATENCY], "log_retention_days": 14}),
)


class RollbackSeries:
    """A stack of a REST API in a home of its own, deployed from services in the same folder."""

    def __init__(self, folder: Path, provider: str, engine: str) -> None:
        self._services = folder / "services"
        self._provider = provider
        self.engine = EngineChoice(engine, SIMULATED_CLOUD)
        self.application = Application(folder / ".semantest")
        self.rows: list[DeploymentRow] = []
        self._deployed: list[SeriesDeployment] = []
        for name in {each.service for each in DEPLOYMENTS}:
            file = self._services / name / ("app.py" if name.startswith("python") else "server.js")
            file.parent.mkdir(parents=True)
            template = _PYTHON if name.startswith("python") else _NODE
            file.write_text(template.format(name=name), encoding="utf-8")

    @property
    def stack(self) -> Stack:
        return Stack.parse(self.rows[0].stack)

    @property
    def use_cases(self) -> DeploymentUseCase:
        """Use cases of their own for each command, as each is a process."""
        return self.application.deployments({}, engine=self.engine)

    def deploy(self, deployment: SeriesDeployment) -> DeploymentRow:
        """Deploy and remember how it ended."""
        spec = build_spec(
            "rest-api",
            self.application.configuration(environ={}, values=self._values_of(deployment)),
            self.application,
        )
        deploying = self.use_cases.deploy(spec.stack, spec.configuration, settings=spec.settings)
        self.rows.append(asyncio.run(deploying))
        self._deployed.append(deployment)
        return self.rows[-1]

    def remove_services(self) -> None:
        """Remove all source folders: a rollback needs none."""
        shutil.rmtree(self._services)

    def roll_back(self, number: int, accept_data_loss: Sequence[str] = ()) -> DeploymentRow:
        """Roll back to the deployment with this number, from 1."""
        target = self.rows[number - 1].deployment
        return asyncio.run(self.use_cases.rollback(self.stack, target, accept_data_loss=accept_data_loss))

    def preview(self, number: int) -> ChangePlan:
        """Return what a rollback to the deployment with this number would change."""
        return asyncio.run(self.use_cases.preview_rollback(self.stack, self.rows[number - 1].deployment)).plan

    def call(self) -> str:
        """Return what the service answers."""
        answer = asyncio.run(self.use_cases.call(self.stack, HttpRequest("GET", "/version")))
        return answer.response.body.decode()

    def list_deployed(self) -> list[DeployedResource]:
        """Return what the engine knows of the stack."""
        probe: Any = self.application.connect(self.engine, {})[1]
        return list(asyncio.run(probe.find_resources(self.stack)))

    def find_rollback_faults(self, number: int) -> Iterator[str]:
        """Roll back to the deployment with this number and yield what is not as it was then."""
        wanted = self._deployed[number - 1]
        planned = self.preview(number)
        row = self.roll_back(number, [change.name for change in planned.losses])
        if (row.kind, row.state) != ("rollback", "completed"):
            yield f"the rollback to {number} ended as {row.kind} {row.state}: {row.error}"
            return
        if row.restored != self.rows[number - 1].deployment:
            yield f"the rollback to {number} restored {row.restored}"
        if (answer := self.call()) != wanted.answer:
            yield f"after the rollback to {number}, the service answers '{answer}' and not '{wanted.answer}'"
        rest = self.preview(number)
        if not rest.is_empty or rest.drift:
            left = [f"{change.op} {change.name}: {', '.join(change.why)}" for change in (*rest.mutations, *rest.drift)]
            yield f"after the rollback to {number}, a preview against it has {left}, code {rest.lacks_code}"

    def _values_of(self, deployment: SeriesDeployment) -> dict[str, Any]:
        source = {"source": str(self._services / deployment.service)}
        code = (
            {"handler": "app.handler", "runtime": "python3.13"}
            if deployment.service.startswith("python")
            else {"entry": "server.js"}
        )
        component = {**source, **code, **deployment.settings}
        return {
            "provider": self._provider,
            **asdict(self.engine),
            "components": {"rest-api": component},
            **deployment.sections,
        }

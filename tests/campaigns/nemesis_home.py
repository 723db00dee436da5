"""The home of the nemesis: its clock can jump, its cloud refuses what a configuration says, and all is written down."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.deployments import build_worker, end_process
from semantest_iac.bootstrap.engines import ENGINES, EngineContext, EngineEntry
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import SANDBOX_ENGINE
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.provisioner import ApplyResult, PublishSettled, Removal, ReportProgress, Work
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.infrastructure.databases.postgresql import PostgresqlConnection, PostgresqlDatabase
from semantest_iac.infrastructure.home_manifest import HomeManifest
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import NO_FAULTS, FaultScript
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_inventory, open_simulated_cloud
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested
from semantest_iac_events.values import ChangeCounts
from tests.campaigns.nemesis_plan import DEPLOY, NO_FAULT, REFUSED, STUCK, UNHEALTHY, PlannedRequest
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe
from tests.fakes.timer import FakeTimer

LEASE_S = 4.0
RETRY_PAUSE_S = 0.3
_FAULT_VARIABLE = "NEMESIS_FAULT"
_EFFECTS = ("refuse", "created_but_timeout", "partial")


class JumpingClock:
    """The host's clock with an offset that all processes of a folder share."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"

    def jump(self, seconds: float) -> None:
        """Set the offset."""
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(descriptor, struct.pack("d", seconds), 0)  # one write: nobody reads a half of it
        os.close(descriptor)

    def read_offset(self) -> float:
        content = self._file.read_bytes()
        return float(struct.unpack("d", content)[0])

    def __call__(self) -> float:
        return time.time() + self.read_offset()


class JumpingPostgresql(PostgresqlDatabase):
    """A PostgreSQL database whose server's clock has an offset."""

    def __init__(self, url: str, clock: JumpingClock) -> None:
        super().__init__(url)
        self._clock = clock

    def _wrap(self, connection: Any, tables: frozenset[str], now: float) -> PostgresqlConnection:
        return super()._wrap(connection, tables, now + self._clock.read_offset())


class EventLog:
    """Appends lines of JSON that are whole although several processes write, and any may be killed."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, what: str, **fields: Any) -> None:
        """Add one line with the time of all processes of this machine."""
        line = {"what": what, "at": time.monotonic(), "pid": os.getpid(), **fields}
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")


class NemesisEngine:
    """The sandbox; a configuration says which operation the cloud refuses, and whether the service is healthy.

    One run at a time: what the cloud refuses is the same for all that is done meanwhile.
    """

    def __init__(self, context: EngineContext, log: EventLog) -> None:
        file = context.home / "cloud.db"

        def open_cloud(package: str, region: str) -> Any:
            return open_simulated_cloud(package, open_inventory(file), region=region, faults=self._script)

        self._engine = SandboxEngine(StateStore(context.home / "sandbox"), open_cloud, context.reveal_secret)
        self._script = NO_FAULTS
        self._log = log
        self._stuck: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def is_unhealthy(self, stack: Stack) -> bool:
        """Whether the stack has a configuration whose service is unhealthy, whichever process brought it there."""
        return any(UNHEALTHY in repr(each.inputs) for each in await self._engine.read_deployed_resources(stack))

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        fault, _, nth = _read_fault(work).partition(":")
        with self._refuse(work.deployment, work.blueprint.stack, fault, nth):
            return await self._engine.apply(work, plan, publish, progress)

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        with self._refuse(work.deployment, work.blueprint.stack, NO_FAULT, ""):
            return await self._engine.publish_code(work, applied, publish, progress)

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        with self._refuse(removal.deployment, removal.stack, NO_FAULT, ""):
            return await self._engine.destroy(removal, progress)

    @contextmanager
    def _refuse(self, deployment: str, stack: Stack, fault: str, nth: str) -> Iterator[None]:
        entries: list[Mapping[str, Any]] = []
        if deployment in self._stuck:  # its way back
            entries = [{"effect": "refuse", "operation": "*"}]
        elif fault in (REFUSED, STUCK):
            effect = _EFFECTS[int(nth) % len(_EFFECTS)] if fault == REFUSED else "refuse"
            entries = [{"effect": effect, "operation": "[cu]*", "call": int(nth)}]
        self._script = FaultScript.from_data(entries)
        self._log.write("begin", deployment=deployment, stack=str(stack))
        try:
            yield
        except Exception:
            if fault == STUCK:
                self._stuck.add(deployment)
            raise
        finally:
            self._script = NO_FAULTS
            self._log.write("end", deployment=deployment, stack=str(stack))


def _read_fault(work: Work) -> str:
    for resource in work.blueprint.resources:
        environment = getattr(resource, "environment", None)
        if isinstance(environment, Mapping) and _FAULT_VARIABLE in environment:
            return str(environment[_FAULT_VARIABLE])
    return NO_FAULT


class NemesisProbe(FakeServiceProbe):
    """Answers as the deployed configuration says."""

    def __init__(self) -> None:
        super().__init__(ControlPoints())
        self.engine: NemesisEngine | None = None

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        is_unhealthy = self.engine is not None and await self.engine.is_unhealthy(stack)
        self.answers = [500] if is_unhealthy else []
        return await super().call(stack, request)


class NemesisHome:
    """A home with several stacks, in its own folder on a disk that may fill; the log and the clock are beside it."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.home = folder / "disk" / "home"
        self.clock = JumpingClock(folder)
        self.log_file = folder / "log"
        self._url = url

    def open_ledger(self) -> SqlLedger:
        """Return the ledger, by the clock that jumps."""
        if self._url:
            return SqlLedger(JumpingPostgresql(self._url, self.clock))
        manifest = HomeManifest(self.home)
        return SqliteLedger(self.home / "ledger.db", manifest=manifest, read_clock=self.clock)

    def open_application(self) -> Application:
        """Return the application, with the sandbox of the nemesis."""
        log, probe = EventLog(self.log_file), NemesisProbe()

        def open_engine(context: EngineContext) -> Any:
            probe.engine = NemesisEngine(context, log)
            return probe.engine

        sandbox = ENGINES[SANDBOX_ENGINE]
        engines = {SANDBOX_ENGINE: EngineEntry(open_engine, sandbox.probe, reaches_real_clouds=False)}
        return Application(self.home, ledger=self.open_ledger(), engines=engines, probe=probe, timer=FakeTimer())

    def build_request(self, planned: PlannedRequest, **fields: Any) -> StackRequest:
        """Return the request; the configuration says what is to fail."""
        place = {**asdict(planned.stack), "requested_by": planned.name, **fields}
        if planned.kind != DEPLOY:
            return InfrastructureRemovalRequested(**place)
        return DeploymentRequested(**place, configuration=self.configuration_of(planned))

    def configuration_of(self, planned: PlannedRequest) -> dict[str, Any]:
        """Return the configuration that a request deploys."""
        fault = f"{planned.fault}:{planned.nth}" if planned.fault in (REFUSED, STUCK) else planned.fault
        variables = {"COLOUR": planned.version, _FAULT_VARIABLE: fault}
        source = {"source": str(self.folder / "sources" / planned.version), "handler": "app.handler"}
        section = {**source, "runtime": "python3.13", "environment": variables}
        alerts = [{"type": "error_rate", "threshold": 0.02}] if planned.version == "v2" else []
        return {"components": {"rest-api": section}, "monitoring": {"alerts": alerts}}

    def run_worker(self) -> None:
        """Carry out what is queued until SIGTERM."""

        async def serve() -> None:
            stopped = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
            application = self.open_application()
            worker = build_worker(
                application,
                HomeManifest(self.home),
                {},
                lease_s=LEASE_S,
                retry_pause_s=RETRY_PAUSE_S,
                on_stuck=self._end_worker,
            )
            await worker.serve(1, stopped)

        asyncio.run(serve())

    def _end_worker(self) -> None:
        """Write when the process ends itself: who polls it learns that later than the worker that takes over."""
        EventLog(self.log_file).write("gone")
        end_process()

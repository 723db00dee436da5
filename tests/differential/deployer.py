"""Pulumi's own engine with a simulated cloud in a process of its own, which receives requests and sends reports.

The SDK leaves coroutines behind in a process whose programs failed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from pulumi import automation
from pulumi.automation._stack import StackInitMode

from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli
from semantest_iac.infrastructure.pulumi_engine.cli.pulumi_command import BoundedCommand, CommandTimeouts
from semantest_iac.infrastructure.sandbox_engine.program_execution import SANDBOX_PROJECT
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import simulated_azure
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultScript, ScriptedFault
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_provider.server import serve_simulated_providers
from tests.differential.program_runner import register_programs
from tests.differential.specs import Program

CLOUDS: Mapping[str, Callable[..., SimulatedCloud]] = {"aws": simulated_aws, "azure-native": simulated_azure}
_URN = re.compile(r"urn:pulumi:[^\s'\"`]+")

Steps = list[tuple[str, str]]
"""Operation and URN."""
Log = list[tuple[str, str, str]]
"""Stage (running, done, failed), operation and URN."""


@dataclass(frozen=True)
class UpdateRequest:
    """One update of the stack in a folder, which has its passphrase; the first update creates the stack.

    Without `parallel` a preview comes first.
    """

    folder: Path
    stack: str
    salt: str
    packages: Path
    programs: Mapping[str, Program]
    faults: tuple[ScriptedFault, ...] = ()
    parallel: int | None = None


@dataclass(frozen=True)
class UpdateReport:
    """What the engine reported of an update: its log, and the URNs that its errors name."""

    log: Log
    previewed: Steps | None
    failed: frozenset[str] = frozenset()
    error: str = ""


class _Workspace(automation.LocalWorkspace):
    def select_stack(self, stack_name: str) -> None: ...


class _Stack(automation.Stack):
    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool = False) -> automation.UpdateSummary:
        return automation.UpdateSummary("", datetime.now(UTC), "", {}, {}, "succeeded")


def serve(requests: Connection, cli: PulumiCli) -> None:
    """Run requests until the other end is closed."""
    while True:
        try:
            request = requests.recv()
        except EOFError:
            return
        requests.send(asyncio.run(_run_update(request, cli)))


async def _run_update(request: UpdateRequest, cli: PulumiCli) -> UpdateReport:
    inventory = Inventory(request.folder / "cloud.db")
    faults = FaultScript(request.faults)

    def cloud_of(package: str, region: str) -> SimulatedCloud:
        return CLOUDS[package](inventory, region=region, faults=faults)

    try:
        async with serve_simulated_providers(cloud_of, "us-east-1", tuple(CLOUDS)) as providers:
            return await asyncio.to_thread(_up, request, cli, providers)
    finally:
        inventory.close()


class _EventLog:
    """The log of an update, and the URNs that its errors name."""

    def __init__(self) -> None:
        self.log: Log = []
        self.failed: set[str] = set()

    def __call__(self, event: automation.EngineEvent) -> None:
        if started := event.resource_pre_event:
            self.log.append(("running", started.metadata.op.value, started.metadata.urn))
        if ended := event.res_outputs_event:
            self.log.append(("done", ended.metadata.op.value, ended.metadata.urn))
        if failure := event.res_op_failed_event:
            self.log.append(("failed", failure.metadata.op.value, failure.metadata.urn))
        if (diagnostic := event.diagnostic_event) and diagnostic.severity == "error":
            self.failed.update(_URN.findall(f"{diagnostic.urn} {diagnostic.message}"))

    @property
    def steps(self) -> Steps:
        return [(op, urn) for stage, op, urn in self.log if stage == "running"]


def _up(request: UpdateRequest, cli: PulumiCli, providers: str) -> UpdateReport:
    stack = _stack(request, cli, providers)
    event_log = _EventLog()
    previewed = None if request.parallel else _preview(stack, request)
    error = _error(partial(stack.up, on_event=event_log), request)
    return UpdateReport(event_log.log, previewed, frozenset(event_log.failed), error)


def _preview(stack: _Stack, request: UpdateRequest) -> Steps | None:
    event_log = _EventLog()
    return None if _error(partial(stack.preview, on_event=event_log), request) else event_log.steps


def _error(command: Callable[..., object], request: UpdateRequest) -> str:
    try:
        command(color="never", suppress_outputs=True, parallel=request.parallel)
    except automation.CommandError as error:
        return str(error)
    return ""


def _stack(request: UpdateRequest, cli: PulumiCli, providers: str) -> _Stack:
    folder = request.folder
    environment = {
        "HOME": str(folder),
        "PULUMI_BACKEND_URL": f"file://{folder}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "passphrase"),
        "PULUMI_DEBUG_PROVIDERS": providers,
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    is_new = not (folder / "work").exists()
    (folder / "work").mkdir(exist_ok=True)
    workspace = _Workspace(
        work_dir=str(folder / "work"),
        pulumi_home=str(folder / "home"),
        program=lambda: register_programs(request.programs, request.packages),
        project_settings=automation.ProjectSettings(SANDBOX_PROJECT, "python"),
        pulumi_command=BoundedCommand(cli, environment, CommandTimeouts(100, 5)),
    )
    if is_new:
        workspace.save_stack_settings(request.stack, automation.StackSettings(encryption_salt=request.salt))
        _write(folder / ".pulumi" / "meta.yaml", "version: 1\n")
        _write(
            folder / ".pulumi" / "stacks" / SANDBOX_PROJECT / f"{request.stack}.json",
            '{"version": 3, "checkpoint": {}}',
        )
    return _Stack(request.stack, workspace, StackInitMode.SELECT)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

"""Pulumi's own engine and a simulated cloud for it, in a process of their own: orders come in, reports go out.

The SDK leaves coroutines behind in a process whose programs were cut short by a failure.
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
from tests.differential.pieces import Program
from tests.differential.playing import play

CLOUDS: Mapping[str, Callable[..., SimulatedCloud]] = {"aws": simulated_aws, "azure-native": simulated_azure}
_URN = re.compile(r"urn:pulumi:[^\s'\"`]+")

Steps = list[tuple[str, str]]
"""Operation and URN."""
Log = list[tuple[str, str, str]]
"""Stage (running, done, failed), operation and URN."""


@dataclass(frozen=True)
class Order:
    """One update of the stack under a folder, which holds its passphrase; the first one there makes the stack.

    Where nothing is said of parallel operations, a preview comes first.
    """

    folder: Path
    stack: str
    salt: str
    packages: Path
    programs: Mapping[str, Program]
    faults: tuple[ScriptedFault, ...] = ()
    parallel: int | None = None


@dataclass(frozen=True)
class Report:
    """What the engine told of an update: all that it did, in order, and whose errors it spoke of."""

    log: Log
    foreseen: Steps | None
    failed: frozenset[str] = frozenset()
    error: str = ""


class _Workspace(automation.LocalWorkspace):
    def select_stack(self, stack_name: str) -> None:
        """Every command names its stack."""


class _Stack(automation.Stack):
    def outputs(self) -> automation.OutputMap:
        """Read from the state."""
        return {}

    def info(self, show_secrets: bool = False) -> automation.UpdateSummary:
        """Not asked for."""
        return automation.UpdateSummary("", datetime.now(UTC), "", {}, {}, "succeeded")


def serve(orders: Connection, cli: PulumiCli) -> None:
    """Carry out orders until the other end is closed."""
    while True:
        try:
            order = orders.recv()
        except EOFError:
            return
        orders.send(asyncio.run(_carried_out(order, cli)))


async def _carried_out(order: Order, cli: PulumiCli) -> Report:
    inventory = Inventory(order.folder / "cloud.db")
    faults = FaultScript(order.faults)

    def cloud_of(package: str, region: str) -> SimulatedCloud:
        return CLOUDS[package](inventory, region=region, faults=faults)

    try:
        async with serve_simulated_providers(cloud_of, "us-east-1", tuple(CLOUDS)) as providers:
            return await asyncio.to_thread(_up, order, cli, providers)
    finally:
        inventory.close()


class _Heard:
    """What the engine tells while it works, and whose errors it speaks of."""

    def __init__(self) -> None:
        self.log: Log = []
        self.failed: set[str] = set()

    def __call__(self, event: automation.EngineEvent) -> None:
        if begun := event.resource_pre_event:
            self.log.append(("running", begun.metadata.op.value, begun.metadata.urn))
        if ended := event.res_outputs_event:
            self.log.append(("done", ended.metadata.op.value, ended.metadata.urn))
        if broken := event.res_op_failed_event:
            self.log.append(("failed", broken.metadata.op.value, broken.metadata.urn))
        if (said := event.diagnostic_event) and said.severity == "error":
            self.failed.update(_URN.findall(f"{said.urn} {said.message}"))

    @property
    def steps(self) -> Steps:
        """What was begun."""
        return [(op, urn) for stage, op, urn in self.log if stage == "running"]


def _up(order: Order, cli: PulumiCli, providers: str) -> Report:
    stack = _stack(order, cli, providers)
    heard = _Heard()
    foreseen = None if order.parallel else _foreseen(stack, order)
    error = _error(partial(stack.up, on_event=heard), order)
    return Report(heard.log, foreseen, frozenset(heard.failed), error)


def _foreseen(stack: _Stack, order: Order) -> Steps | None:
    heard = _Heard()
    return None if _error(partial(stack.preview, on_event=heard), order) else heard.steps


def _error(command: Callable[..., object], order: Order) -> str:
    try:
        command(color="never", suppress_outputs=True, parallel=order.parallel)
    except automation.CommandError as error:
        return str(error)
    return ""


def _stack(order: Order, cli: PulumiCli, providers: str) -> _Stack:
    folder = order.folder
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
        program=lambda: play(order.programs, order.packages),
        project_settings=automation.ProjectSettings(SANDBOX_PROJECT, "python"),
        pulumi_command=BoundedCommand(cli, environment, CommandTimeouts(100, 5)),
    )
    if is_new:
        workspace.save_stack_settings(order.stack, automation.StackSettings(encryption_salt=order.salt))
        _write(folder / ".pulumi" / "meta.yaml", "version: 1\n")
        _write(
            folder / ".pulumi" / "stacks" / SANDBOX_PROJECT / f"{order.stack}.json", '{"version": 3, "checkpoint": {}}'
        )
    return _Stack(order.stack, workspace, StackInitMode.SELECT)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

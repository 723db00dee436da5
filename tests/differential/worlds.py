"""The two worlds in which the same programs run: the sandbox's engine and Pulumi's own, each with its own cloud."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli
from semantest_iac.infrastructure.sandbox_engine import program_execution
from semantest_iac.infrastructure.sandbox_engine.monitor import ResourceMonitor
from semantest_iac.infrastructure.sandbox_engine.plan.run import SandboxRun
from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken, StepError
from semantest_iac.infrastructure.sandbox_engine.program_execution import SANDBOX_PROJECT
from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.sessions import StackSessions
from semantest_iac.infrastructure.sandbox_engine.state.store import PassphraseCipher, StateStore
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import SIMULATED_ACCOUNT
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import SIMULATED_SUBSCRIPTION
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultScript, ScriptedFault
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory, StoredResource
from tests.differential.deployer import CLOUDS, Log, Order, Report, Steps, serve
from tests.differential.pieces import Program
from tests.differential.playing import load_sdk, packages_in, play

STACK = Stack("rest-api", "aws", "development", "us-east-1")
_SEAL_KEY = bytes(32)
_PATIENCE_S = 110
_PULUMIS_WORD = {"keep": "delete"}
_KEPT = ("passphrase", "salt", "key", "proof")


@dataclass(frozen=True)
class Outcome:
    """What an update did and left behind: the log of operations, the plan's steps, the state (and before), the cloud.

    `foreseen` are the steps that a preview told of, None where it was refused or not asked for. `failed` are the URNs
    that an error names; it is empty where there was no error.
    """

    foreseen: Steps | None
    log: Log
    steps: Steps
    before: list[dict[str, Any]]
    resources: list[dict[str, Any]]
    rows: list[StoredResource]
    failed: frozenset[str]
    error: str


class Key:
    """One passphrase for all stacks, with its key, as deriving that takes long; and packages for their functions."""

    def __init__(self, folder: Path) -> None:
        self.packages = packages_in(folder)
        self._folder = folder
        self.cipher = PassphraseCipher(folder)
        self.cipher.encrypt("")
        self.salt: str = self.cipher.secrets_provider["state"]["salt"]

    def put_into(self, folder: Path) -> None:
        """Let a world seal with it."""
        folder.mkdir(parents=True)
        for name in _KEPT:
            shutil.copy(self._folder / name, folder)

    def opened(self, value: Any) -> Any:
        """Part of a state, with the text of each secret in the clear beside its mark."""
        if isinstance(value, list):
            return [self.opened(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get(wire.SIGNATURE_KEY) == wire.SECRET_SIGNATURE:
            return {"secret": self.opened(self.cipher.decrypt(value["ciphertext"]))}
        return {name: self.opened(item) for name, item in value.items()}


class SandboxWorld:
    """The sandbox's engine, in this process."""

    def __init__(self, folder: Path, key: Key) -> None:
        load_sdk()
        key.put_into(folder / "states")
        self._key = key
        self._inventory = _inventory(folder / "cloud.db")
        self._faults = FaultScript()
        self._sessions = StackSessions(StateStore(folder / "states"), self._cloud)

    def up(
        self, programs: Mapping[str, Program], faults: tuple[ScriptedFault, ...] = (), *, alone: bool = False
    ) -> Outcome:
        """Bring the stack to the programs, after a preview where they are not `alone`."""
        foreseen, self._faults = None if alone else self._foreseen(programs), FaultScript(faults)
        ticks: list[ResourceProgress] = []
        error, cancel_token, before = "", CancelToken(), self._resources()
        try:
            with self._sessions.open_live_run(STACK, cancel_token, ticks.append) as run:
                self._run(programs, run)
        except ProviderError as refused:
            error = str(refused)
        reason = cancel_token.reason
        failed = {reason.state.urn} if isinstance(reason, StepError) and reason.state else set()
        return Outcome(
            foreseen=foreseen,
            log=[(tick.state, _PULUMIS_WORD.get(tick.op, tick.op), tick.urn) for tick in ticks],
            steps=_told(run),
            before=before,
            resources=self._resources(),
            rows=_rows(self._inventory),
            failed=frozenset(failed),
            error=error,
        )

    def close(self) -> None:
        """Let go of the cloud."""
        self._inventory.close()

    def _resources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._key.opened(self._sessions.export(STACK)["deployment"].get("resources", []))
        return found

    def _cloud(self, package: str, region: str) -> SimulatedCloud:
        return CLOUDS[package](self._inventory, region=region, faults=self._faults)

    def _foreseen(self, programs: Mapping[str, Program]) -> Steps | None:
        try:
            with self._sessions.open_dry_run(STACK, CancelToken()) as run:
                self._run(programs, run, dry=True)
        except ProviderError:
            return None
        return _told(run)

    def _run(self, programs: Mapping[str, Program], run: SandboxRun, *, dry: bool = False) -> None:
        monitor = ResourceMonitor(run, stack=str(STACK), project=SANDBOX_PROJECT, on_component=lambda *_: None)
        program_execution.run_program(lambda: play(programs, self._key.packages), monitor, stack=str(STACK), dry=dry)
        run.delete_unregistered()


class Deployer:
    """The process that holds Pulumi's own engine."""

    def __init__(self, cli: PulumiCli) -> None:
        context = multiprocessing.get_context("spawn")
        self._orders, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, cli), daemon=True)
        self._process.start()
        theirs.close()

    def report(self, order: Order) -> Report:
        """Have an order carried out; raises EOFError where the process died, TimeoutError where it hangs."""
        self._orders.send(order)
        if not self._orders.poll(_PATIENCE_S):
            raise TimeoutError("the deployer does not answer")
        report: Report = self._orders.recv()
        return report

    def close(self) -> None:
        """End the process."""
        self._orders.close()
        self._process.join(5)
        self._process.kill()


class PulumiWorld:
    """Pulumi's own engine, its CLI, in a process of its own."""

    def __init__(self, folder: Path, key: Key, deployer: Deployer) -> None:
        key.put_into(folder)
        self._folder = folder
        self._key = key
        self._deployer = deployer
        self._inventory = _inventory(folder / "cloud.db")

    def up(
        self, programs: Mapping[str, Program], faults: tuple[ScriptedFault, ...] = (), *, alone: bool = False
    ) -> Outcome:
        """The same; what is `alone` takes one operation after the other."""
        parallel = 1 if alone else None
        order = Order(self._folder, str(STACK), self._key.salt, self._key.packages, programs, faults, parallel)
        before, report = self._resources(), self._deployer.report(order)
        return Outcome(
            foreseen=report.foreseen,
            log=report.log,
            steps=[(op, urn) for stage, op, urn in report.log if stage == "running"],
            before=before,
            resources=self._resources(),
            rows=_rows(self._inventory),
            failed=report.failed,
            error=report.error,
        )

    def close(self) -> None:
        """Let go of the cloud."""
        self._inventory.close()

    def _resources(self) -> list[dict[str, Any]]:
        path = self._folder / ".pulumi" / "stacks" / SANDBOX_PROJECT / f"{STACK}.json"
        latest = json.loads(path.read_text())["checkpoint"].get("latest") if path.exists() else None
        found: list[dict[str, Any]] = self._key.opened((latest or {}).get("resources", []))
        return found


def _told(run: SandboxRun) -> Steps:
    return [(step.op, step.state.urn) for step in run.executor.steps]


def _inventory(path: Path) -> Inventory:
    """An empty cloud that seals as every other one here does."""
    Inventory(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update world set seal = ?", (_SEAL_KEY.hex(),))
    return Inventory(path)


def _rows(inventory: Inventory) -> list[StoredResource]:
    with inventory.view() as transaction:
        return [row for account in (SIMULATED_ACCOUNT, SIMULATED_SUBSCRIPTION) for row in transaction.list_all(account)]

"""Runs the same programs on the sandbox engine and on Pulumi's own, each with its own cloud."""

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
from tests.differential.deployer import CLOUDS, Log, Steps, UpdateReport, UpdateRequest, serve
from tests.differential.program_runner import create_packages, load_sdk, register_programs
from tests.differential.specs import Program

STACK = Stack("rest-api", "aws", "development", "us-east-1")
_ENCRYPTION_KEY = bytes(32)
_TIMEOUT_S = 110
_PULUMI_OPERATION = {"keep": "delete"}
_PASSPHRASE_FILES = ("passphrase", "salt", "key", "proof")


@dataclass(frozen=True)
class Outcome:
    """The result of an update: the log, the plan's steps, the state (also before) and the cloud's rows.

    `previewed` are the steps of a preview, None if it was refused or not run. `failed` are the URNs that an error
    names.
    """

    previewed: Steps | None
    log: Log
    steps: Steps
    before: list[dict[str, Any]]
    resources: list[dict[str, Any]]
    rows: list[StoredResource]
    failed: frozenset[str]
    error: str


class SharedPassphrase:
    """One passphrase with its derived key for all stacks, as the derivation is slow.

    And packages for their functions.
    """

    def __init__(self, folder: Path) -> None:
        self.packages = create_packages(folder)
        self._folder = folder
        self.cipher = PassphraseCipher(folder)
        self.cipher.encrypt("")
        self.salt: str = self.cipher.secrets_provider["state"]["salt"]

    def copy_to(self, folder: Path) -> None:
        """Copy its files into an engine's folder."""
        folder.mkdir(parents=True)
        for name in _PASSPHRASE_FILES:
            shutil.copy(self._folder / name, folder)

    def decrypt(self, value: Any) -> Any:
        """Part of a state with decrypted secrets, which stay marked."""
        if isinstance(value, list):
            return [self.decrypt(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get(wire.SIGNATURE_KEY) == wire.SECRET_SIGNATURE:
            return {"secret": self.decrypt(self.cipher.decrypt(value["ciphertext"]))}
        return {name: self.decrypt(item) for name, item in value.items()}


class SandboxRunner:
    """The sandbox engine, in this process."""

    def __init__(self, folder: Path, passphrase: SharedPassphrase) -> None:
        load_sdk()
        passphrase.copy_to(folder / "states")
        self._passphrase = passphrase
        self._inventory = _inventory(folder / "cloud.db")
        self._faults = FaultScript()
        self._sessions = StackSessions(StateStore(folder / "states"), self._cloud)

    def up(
        self, programs: Mapping[str, Program], faults: tuple[ScriptedFault, ...] = (), *, sequential: bool = False
    ) -> Outcome:
        """Update the stack to the programs, after a preview unless `sequential`."""
        previewed, self._faults = None if sequential else self._preview(programs), FaultScript(faults)
        ticks: list[ResourceProgress] = []
        error, cancel_token, before = "", CancelToken(), self._read_resources()
        try:
            with self._sessions.open_live_run(STACK, cancel_token, ticks.append) as run:
                self._run(programs, run)
        except ProviderError as refused:
            error = str(refused)
        reason = cancel_token.reason
        failed = {reason.state.urn} if isinstance(reason, StepError) and reason.state else set()
        return Outcome(
            previewed=previewed,
            log=[(tick.state, _PULUMI_OPERATION.get(tick.op, tick.op), tick.urn) for tick in ticks],
            steps=_plan_steps(run),
            before=before,
            resources=self._read_resources(),
            rows=_read_rows(self._inventory),
            failed=frozenset(failed),
            error=error,
        )

    def close(self) -> None:
        self._inventory.close()

    def _read_resources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._passphrase.decrypt(
            self._sessions.export(STACK)["deployment"].get("resources", [])
        )
        return found

    def _cloud(self, package: str, region: str) -> SimulatedCloud:
        return CLOUDS[package](self._inventory, region=region, faults=self._faults)

    def _preview(self, programs: Mapping[str, Program]) -> Steps | None:
        try:
            with self._sessions.open_dry_run(STACK, CancelToken()) as run:
                self._run(programs, run, dry=True)
        except ProviderError:
            return None
        return _plan_steps(run)

    def _run(self, programs: Mapping[str, Program], run: SandboxRun, *, dry: bool = False) -> None:
        monitor = ResourceMonitor(run, stack=str(STACK), project=SANDBOX_PROJECT, on_component=lambda *_: None)
        packages = self._passphrase.packages
        program_execution.run_program(lambda: register_programs(programs, packages), monitor, stack=str(STACK), dry=dry)
        run.delete_unregistered()


class Deployer:
    """The process of Pulumi's own engine."""

    def __init__(self, cli: PulumiCli) -> None:
        context = multiprocessing.get_context("spawn")
        self._orders, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, cli), daemon=True)
        self._process.start()
        theirs.close()

    def report(self, request: UpdateRequest) -> UpdateReport:
        """Run a request; raises EOFError if the process died, TimeoutError if it hangs."""
        self._orders.send(request)
        if not self._orders.poll(_TIMEOUT_S):
            raise TimeoutError("the deployer does not answer")
        report: UpdateReport = self._orders.recv()
        return report

    def close(self) -> None:
        self._orders.close()
        self._process.join(5)
        self._process.kill()


class PulumiRunner:
    """Pulumi's own engine with its CLI, in a process of its own."""

    def __init__(self, folder: Path, passphrase: SharedPassphrase, deployer: Deployer) -> None:
        passphrase.copy_to(folder)
        self._folder = folder
        self._passphrase = passphrase
        self._deployer = deployer
        self._inventory = _inventory(folder / "cloud.db")

    def up(
        self, programs: Mapping[str, Program], faults: tuple[ScriptedFault, ...] = (), *, sequential: bool = False
    ) -> Outcome:
        """Update the stack to the programs; if `sequential`, one operation after the other and without a preview."""
        parallel = 1 if sequential else None
        salt, packages = self._passphrase.salt, self._passphrase.packages
        request = UpdateRequest(self._folder, str(STACK), salt, packages, programs, faults, parallel)
        before, report = self._read_resources(), self._deployer.report(request)
        return Outcome(
            previewed=report.previewed,
            log=report.log,
            steps=[(op, urn) for stage, op, urn in report.log if stage == "running"],
            before=before,
            resources=self._read_resources(),
            rows=_read_rows(self._inventory),
            failed=report.failed,
            error=report.error,
        )

    def close(self) -> None:
        self._inventory.close()

    def _read_resources(self) -> list[dict[str, Any]]:
        path = self._folder / ".pulumi" / "stacks" / SANDBOX_PROJECT / f"{STACK}.json"
        latest = json.loads(path.read_text())["checkpoint"].get("latest") if path.exists() else None
        found: list[dict[str, Any]] = self._passphrase.decrypt((latest or {}).get("resources", []))
        return found


def _plan_steps(run: SandboxRun) -> Steps:
    return [(step.op, step.state.urn) for step in run.executor.steps]


def _inventory(path: Path) -> Inventory:
    """An empty cloud with the encryption key of all clouds here."""
    Inventory(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update world set seal = ?", (_ENCRYPTION_KEY.hex(),))
    return Inventory(path)


def _read_rows(inventory: Inventory) -> list[StoredResource]:
    with inventory.read_without_transaction() as reader:
        return [row for account in (SIMULATED_ACCOUNT, SIMULATED_SUBSCRIPTION) for row in reader.list_all(account)]

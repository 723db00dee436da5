"""Runs small programs with the real Pulumi SDK in the sandbox, against a simulated AWS."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi_aws as aws

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.sandbox_engine.monitor import ResourceMonitor
from semantest_iac.infrastructure.sandbox_engine.plan.run import SandboxRun
from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken, ResourceStep
from semantest_iac.infrastructure.sandbox_engine.program_execution import SANDBOX_PROJECT, run_program
from semantest_iac.infrastructure.sandbox_engine.reports import stack_outputs_without_secrets
from semantest_iac.infrastructure.sandbox_engine.sessions import StackSessions
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import NO_FAULTS, FaultScript
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from tests.integration.sandbox_engine import integrity

STACK = Stack("rest-api", "aws", "development", "us-east-1")
Program = Callable[[], object]


class World:
    """One stack with its state and its cloud; every run returns the steps that reach the cloud."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: FaultScript = NO_FAULTS
        self.progress: list[ResourceProgress] = []
        self.cancel_token = CancelToken()
        folder.mkdir(parents=True, exist_ok=True)
        self._inventory = Inventory(folder / "cloud.db")
        self.store = StateStore(folder / "sandbox")
        self.sessions = StackSessions(self.store, lambda package, region: _cloud_at(self, package, region))

    def cloud(self, region: str = STACK.region) -> SimulatedCloud:
        """Return the simulated AWS of a region, with the current faults."""
        return simulated_aws(self._inventory, region=region, faults=self.faults)

    def up(self, program: Program) -> list[ResourceStep]:
        self.cancel_token = CancelToken()
        with self.sessions.open_live_run(STACK, self.cancel_token, self.progress.append) as run:
            self._play(program, run, dry=False)
        return _steps(run)

    def preview(self, program: Program) -> list[ResourceStep]:
        with self.sessions.open_dry_run(STACK, CancelToken()) as run:
            self._play(program, run, dry=True)
        return _steps(run)

    def destroy(self) -> list[ResourceStep]:
        self.cancel_token = CancelToken()
        with self.sessions.open_live_run(STACK, self.cancel_token, self.progress.append) as run:
            run.delete_unregistered()
        return _steps(run)

    def states(self) -> list[ResourceState]:
        """Return the stored resources that exist in the cloud."""
        return [state for state in self.store.read_snapshot(STACK) if not state.is_local]

    def state(self, name: str) -> ResourceState:
        [found] = [state for state in self.states() if state.name == name]
        return found

    def deployment(self) -> dict[str, Any]:
        """Return the state in Pulumi's form; fail the test if Pulumi would refuse it."""
        deployment = self.sessions.export(STACK)
        assert integrity.faults(deployment) == []
        return deployment

    def outputs(self) -> dict[str, Any]:
        return dict(stack_outputs_without_secrets(self.store.read_snapshot(STACK)))

    def in_state(self) -> list[tuple[str, str]]:
        """Return type and id of every managed resource in the state, sorted.

        Fail the test if Pulumi would refuse it.
        """
        self.deployment()
        ours = (state for state in self.states() if not (state.external or state.pending_replacement))
        return sorted((state.type, state.id) for state in ours)

    def in_cloud(self) -> list[tuple[str, str]]:
        """Return type and id of every existing resource in the cloud, sorted."""
        return sorted(self.cloud().list_resources())

    def _play(self, program: Program, run: SandboxRun, *, dry: bool) -> None:
        _load_sdk()
        monitor = ResourceMonitor(run, stack=str(STACK), project=SANDBOX_PROJECT, on_component=lambda *_: None)
        run_program(program, monitor, stack=str(STACK), dry=dry)
        run.delete_unregistered()


def _cloud_at(world: World, package: str, region: str) -> SimulatedCloud:
    if package != "aws":
        raise KeyError(package)
    return world.cloud(region)


def _load_sdk() -> None:
    """Import the modules here, because the SDK warns about its own classes while it loads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for module in ("cloudwatch", "ec2", "iam", "lambda_", "lightsail", "s3", "secretsmanager", "sns"):
            getattr(getattr(aws, module), "touched", None)


def _steps(run: SandboxRun) -> list[ResourceStep]:
    return [step for step in run.executor.steps if not step.state.is_local]

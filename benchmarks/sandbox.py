"""The sandbox beside an in-process resource monitor that answers the same feature flags and does nothing else.

Both run the same program on the same SDK: pairs of role and function, each depending on the pair before. `a script`
runs it as the SDK intends, whose waiting grows with the square of the resources; `our loop` runs it as the sandbox
does, which leaves the cost of the engine and its cloud. The whole `deploy` command, which runs its program twice, is
compared with a script that runs it once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.timing import Action, PairedTimes, process_action, time_in_turns

_SIZES = {20: 9, 100: 5, 200: 2}  # resources -> turns
REMARK = """\
The ratios under one come from the SDK: run as a plain script it waits in quadratic time, which the sandbox avoids."""
_COMMAND = ["-m", "semantest_iac", "deploy", "--component", "rest-api", "--provider", "aws"]
_TURNS = 9
_TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}
_USED_OUTPUTS = ("apiEndpoint", "arn", "executionArn", "invokeArn", "version")  # outputs that the programs use
Row = dict[str, Any]


def rows() -> list[Row]:
    """Measure creation and no change at three sizes, then the whole command, first and again."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "package.zip")
        package.write_bytes(b"code")
        sizes = [row for size, turns in _SIZES.items() for row in _rows_by_size(Path(folder), package, size, turns)]
        return [*sizes, *_command_rows(Path(folder))]


def _rows_by_size(folder: Path, package: Path, size: int, turns: int) -> Iterator[Row]:
    program = partial(_register_pairs, size // 2, package)
    fresh = itertools.count()
    again = folder / f"{size}-again"
    _run_sandbox(again, program)
    runs = {
        "create": lambda: _run_sandbox(folder / f"{size}-{next(fresh)}", program),
        "no change": lambda: _run_sandbox(again, program),
    }
    for (what, ours), (beside, comparison) in itertools.product(runs.items(), _COMPARISONS.items()):
        times = time_in_turns(ours, partial(comparison, program), turns)
        yield _row(f"{what}, {size} resources beside: {beside}", times, turns)


def _command_rows(folder: Path) -> Iterator[Row]:
    script = process_action([sys.executable, "-m", "benchmarks.sandbox"])
    homes = itertools.count()
    _deploy_action(folder / "home")()
    runs = {
        "first": lambda: _deploy_action(folder / f"home-{next(homes)}")(),
        "no change": _deploy_action(folder / "home"),
    }
    for what, ours in runs.items():
        times = time_in_turns(ours, script, _TURNS)
        yield _row(f"`deploy`, {what} beside: a script", times, _TURNS)


def _row(what: str, times: PairedTimes, turns: int) -> Row:
    return {
        "what": what,
        "ours": times.median_a,
        "comparison": times.median_b,
        "ratio": times.ratio,
        "n": turns,
    }


def _deploy_action(home: Path) -> Action:
    return process_action([sys.executable, *_COMMAND], SEMANTEST_HOME=str(home))


def _register_pairs(pairs: int, package: Path) -> None:
    import pulumi
    import pulumi_aws as aws

    before: list[pulumi.Resource] = []
    for number in range(pairs):
        role = aws.iam.Role(f"role-{number}", name=f"role-{number}", assume_role_policy=json.dumps(_TRUST))
        function = aws.lambda_.Function(
            f"function-{number}",
            name=f"function-{number}",
            role=role.arn,
            runtime="python3.13",
            handler="index.handler",
            code=pulumi.FileArchive(str(package)),
            opts=pulumi.ResourceOptions(depends_on=before),
        )
        before = [function]


def _run_sandbox(folder: Path, program: Callable[[], object]) -> None:
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.infrastructure.sandbox_engine.monitor import ResourceMonitor
    from semantest_iac.infrastructure.sandbox_engine.plan.steps import CancelToken
    from semantest_iac.infrastructure.sandbox_engine.program_execution import SANDBOX_PROJECT, run_program
    from semantest_iac.infrastructure.sandbox_engine.sessions import StackSessions
    from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
    from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud

    folder.mkdir(exist_ok=True)
    inventory, stack = Inventory(folder / "cloud.db"), Stack("rest-api", "aws", "development", "us-east-1")
    sessions = StackSessions(
        StateStore(folder), lambda package, region: open_simulated_cloud(package, inventory, region=region)
    )
    with sessions.open_live_run(stack, CancelToken(), lambda update: None) as run:
        monitor = ResourceMonitor(run, stack=str(stack), project=SANDBOX_PROJECT, on_component=lambda *_: None)
        run_program(program, monitor, stack=str(stack), dry=False)
        run.delete_unregistered()
    inventory.close()


def _run_in_script(program: Callable[[], object]) -> None:
    asyncio.run(_run_bare(program))


def _run_in_our_loop(program: Callable[[], object]) -> None:
    from semantest_iac.infrastructure.sandbox_engine.program_execution import run_program

    run_program(program, _create_empty_monitor(), stack="s", dry=False)


_COMPARISONS = {"a script": _run_in_script, "our loop": _run_in_our_loop}


async def _run_bare(program: Any) -> None:
    from pulumi.runtime import settings
    from pulumi.runtime.stack import run_in_stack

    from semantest_iac.infrastructure.sandbox_engine.monitor import EngineService

    settings.configure(
        settings.Settings(
            project="p", stack="s", monitor=_create_empty_monitor(), engine=EngineService(), parallel=16, dry_run=False
        )
    )
    await run_in_stack(program)


def _create_empty_monitor() -> Any:
    """A monitor that reports every resource as created, with its inputs as outputs."""
    import grpc
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import resource_pb2

    from semantest_iac.infrastructure.sandbox_engine.monitor import SUPPORTED_FEATURES, MonitorError

    class Nothing:
        failure = None

        def SupportsFeature(self, request: Any) -> Any:  # noqa: N802 - the wire's name
            return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in SUPPORTED_FEATURES)

        def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the wire's name
            urn = f"urn:pulumi:s::p::{request.type}::{request.name}"
            request.object.update(dict.fromkeys(_USED_OUTPUTS, request.name))
            id_ = request.name if request.custom else ""
            return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=request.object)

        def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the wire's name
            return empty_pb2.Empty()

        def SignalAndWaitForShutdown(self, request: Any) -> Any:  # noqa: N802 - the wire's name
            return empty_pb2.Empty()

        def __getattr__(self, name: str) -> Any:
            def refuse(*_: object) -> Any:
                raise MonitorError(grpc.StatusCode.UNIMPLEMENTED, name)

            return refuse

    return Nothing()


def _run_rest_api() -> None:
    """Run the program of the `deploy` command once, with nothing around it."""
    from semantest_iac.domain.blueprints.components import build_rest_api
    from semantest_iac.domain.compute.functions import Artifact
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
    from semantest_iac.infrastructure.cloud_programs import program
    from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
    from semantest_iac.infrastructure.cloud_programs.context import ProgramContext

    stack = Stack("rest-api", "aws", "development", "us-east-1")
    blueprint = build_rest_api(stack, 1, resolve_component(DeploymentConfiguration(), "rest-api", "development"))
    artifact = Artifact(sha256(b"").hexdigest(), Path(__file__), "index.handler", "python3.13", 0)
    context = ProgramContext(stack, 1, artifact, lambda name: "")
    _run_in_script(lambda: program.register_blueprint(blueprint, find_cloud("aws"), context))


if __name__ == "__main__":
    _run_rest_api()

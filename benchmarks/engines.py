"""Pulumi's engine as this tool drives it, beside a plain Automation API script that does the same.

Both run the same program with the same CLI against equal simulated clouds on this machine, so that no cloud's own time
is in the figures. The script previews, updates and asks for the outputs, as the SDK's examples do; for no change it is
one plain `up`. A warm worker has deployed before, as `semantest-iac worker` has; the script and what is called a
process are whole processes. Without a Pulumi CLI there are no rows.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.ports.provisioner import ResourceProgress, SettledResource, Work
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli, find_pulumi_cli

if TYPE_CHECKING:
    from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine

_TURNS = 5
_PARALLEL_STACKS = {4: 3, 8: 1}  # stacks -> turns
_OWN_RESOURCES = 19  # resources of the blueprint itself
_LARGE_STACK = 200  # cloud resources of a large stack; with twice as many, a script takes three minutes
_ROOT = Path(__file__).parents[1]
Pair = tuple[float, float]  # seconds of this tool and of the script
STACK = Stack("rest-api", "aws", "development", "us-east-1")


def rows() -> list[dict[str, Any]]:
    """A first deployment, one without changes, several stacks at once, and memory in MB."""
    try:
        cli = find_pulumi_cli(os.environ)
    except RefusedError:
        return []
    with tempfile.TemporaryDirectory() as folder, closing(_WarmWorker(Path(folder, "warm"), cli)) as warm:
        turns = [_measure_turn(Path(folder, str(number)), cli, warm) for number in range(_TURNS + 1)][1:]
        at_once = {count: [_measure_parallel(Path(folder, f"{count}-{number}"), cli, warm, count)
                           for number in range(turns_)] for count, turns_ in _PARALLEL_STACKS.items()}  # fmt: skip
        large = _measure_turn(Path(folder, "large"), cli, warm, _LARGE_STACK)
    first, same, warm_first, warm_same, peaks = zip(*turns, strict=True)
    return [
        _row("warm worker: first deployment", warm_first, "preview, up, outputs"),
        _row("warm worker: no change", warm_same, "one plain up"),
        *(_row(f"warm worker: {n} stacks at once", times, "preview, up, outputs") for n, times in at_once.items()),
        _row("process: first deployment", first, "preview, up, outputs"),
        _row("process: no change", same, "one plain up"),
        _row(f"process: {_LARGE_STACK} resources, first deployment", [large[0]], "preview, up, outputs"),
        _row(f"process: {_LARGE_STACK} resources, no change", [large[1]], "one plain up"),
        _memory(peaks),
    ]


def _row(what: str, times: Sequence[Pair], beside: str) -> dict[str, Any]:
    ours, plain = (median(column) for column in zip(*times, strict=True))
    return {"what": f"{what} beside: {beside}", "ours": ours, "plain script": plain, "ratio": ours / plain,
            "n": len(times)}  # fmt: skip


def _memory(peaks: Sequence[Sequence[float]]) -> dict[str, Any]:
    ours, descendants, plain = (max(column) for column in zip(*peaks, strict=True))
    what = (
        f"peak MB: parent {ours:.0f} (cloud included), largest of worker and CLI {descendants:.0f}; script {plain:.0f}"
    )
    return {"what": what, "n": len(peaks)}


def _measure_turn(
    folder: Path, cli: PulumiCli, warm: _WarmWorker, size: int = 0
) -> tuple[Pair, Pair, Pair, Pair, tuple[float, float, float]]:
    """Seconds of this tool and the script for a first deployment and for no change.

    First those of a process, then those of a warm worker beside the same script, and the memory peaks of processes.
    """
    folder.mkdir()
    first, same, peaks = [], [], {}
    for tool in _TOOLS:
        seconds, peaks[tool] = _finish(_start(tool, folder / tool, cli, "first", size))
        first.append(seconds)
        same.append(_finish(_start(tool, folder / tool, cli, "same", size))[0])
    name = f"api-{folder.name}"
    warm_first, warm_same = warm.deploy([name], "first", size), warm.deploy([name], "same", size)
    memory = *peaks["ours"], peaks["plain"][0]
    return (first[0], first[1]), (same[0], same[1]), (warm_first, first[1]), (warm_same, same[1]), memory


def _measure_parallel(folder: Path, cli: PulumiCli, warm: _WarmWorker, count: int) -> Pair:
    """Seconds of a warm worker with so many slots, and of as many scripts."""
    folder.mkdir()
    names = [f"api-{folder.name}-{number}" for number in range(count)]
    warm.deploy([f"{name}-before" for name in names], "first")  # a worker that has that many slots has used them
    ours, started_at = warm.deploy(names, "first"), perf_counter()
    for process in [_start("plain", folder / name, cli, "first") for name in names]:
        _finish(process)
    return ours, perf_counter() - started_at


class _WarmWorker:
    """A process that deploys stacks of one home, one after the other or at once."""

    def __init__(self, home: Path, cli: PulumiCli) -> None:
        home.mkdir()
        self._process = _start("serve", home, cli, "first")[1]
        self.deploy(["api-before"], "first")

    def deploy(self, names: Sequence[str], extent: str, size: int = 0) -> float:
        """Deploy stacks at once and return the seconds until the last one has ended."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        started_at = perf_counter()
        for name in names:
            self._process.stdin.write(json.dumps([name, extent, size]) + "\n")
        self._process.stdin.flush()
        for _ in names:
            if not self._process.stdout.readline():
                raise RuntimeError("a deployment of the benchmark failed")
        return perf_counter() - started_at

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)


Started = tuple[float, "subprocess.Popen[str]"]


def _start(tool: str, home: Path, cli: PulumiCli, extent: str, size: int = 0) -> Started:
    command = [sys.executable, "-m", "benchmarks.engines", tool, str(home), str(cli.path), extent, str(size)]
    path = f"{_ROOT}{os.pathsep}{_ROOT / 'events'}"
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**inherited, "PYTHONPATH": path, "SEMANTEST_PULUMI": str(cli.path)}
    return perf_counter(), subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _finish(started: Started) -> tuple[float, tuple[float, float]]:
    started_at, process = started
    output, _ = process.communicate(timeout=600)
    if process.returncode:
        raise RuntimeError("a deployment of the benchmark failed")
    own, largest_child = json.loads(output.splitlines()[-1])
    return perf_counter() - started_at, (own, largest_child)


def create_work(home: Path, size: int, stack: Stack = STACK) -> Work:
    """The blueprint of a REST API, with alarms added until it has `size` resources."""
    from semantest_iac.domain.blueprints.components import build_rest_api
    from semantest_iac.domain.compute.functions import Artifact
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component

    package = home / "package.zip"
    package.write_bytes(b"a package")
    digest = sha256(package.read_bytes()).hexdigest()
    settings = resolve_component(DeploymentConfiguration(), STACK.component, STACK.environment)
    artifact = Artifact(digest, package, "index.handler", "python3.13", package.stat().st_size)
    blueprint = build_rest_api(stack, 1, settings)
    alarm = next(each for each in blueprint.resources if each.name.startswith("alarm-"))
    more = [replace(alarm, name=f"alarm-{number}") for number in range(size - _OWN_RESOURCES)]
    return Work("benchmark", replace(blueprint, resources=(*blueprint.resources, *more)), artifact)


def _serve_cloud(home: Path) -> AbstractAsyncContextManager[str]:
    """Serve the simulated cloud of one home as a provider."""
    from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
    from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
    from semantest_iac.infrastructure.simulated_provider.server import serve_simulated_providers

    inventory = Inventory(home / "cloud.db")
    return serve_simulated_providers(
        lambda package, region: open_simulated_cloud(package, inventory, region=region), STACK.region
    )


async def _deploy_with_engine(home: Path, program: Path, extent: str, size: int) -> None:
    await _deploy_stack(_create_engine(home), create_work(home, size), extent)


def _create_engine(home: Path) -> PulumiEngine:
    from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
    from semantest_iac.infrastructure.pulumi_engine.operations.supervisor import EngineProcessSupervisor
    from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings

    return PulumiEngine(
        EngineProcessSupervisor(
            BackendSettings(home / "pulumi"), lambda _, secret: secret.key, lambda _: _serve_cloud(home)
        )
    )


async def _deploy_stack(engine: PulumiEngine, work: Work, extent: str) -> None:
    async def publish(settled: SettledResource) -> None: ...

    def watch(update: ResourceProgress) -> None: ...

    plan = await engine.preview(work)
    if extent == "first":
        await engine.apply(work, plan, publish, watch)


async def _serve(home: Path, program: Path, extent: str, size: int) -> None:
    """Deploy each stack of a line of standard input, and print a line when that has ended."""
    engine, running = _create_engine(home), set[asyncio.Task[None]]()

    async def deploy(name: str, extent: str, size: int) -> None:
        stack = Stack(name, STACK.provider, STACK.environment, STACK.region)
        await _deploy_stack(engine, create_work(home, size, stack), extent)
        print("done", flush=True)

    while line := await asyncio.to_thread(sys.stdin.readline):
        running.add(asyncio.create_task(deploy(*json.loads(line))))
    await asyncio.gather(*running)


async def _deploy_with_script(home: Path, program: Path, extent: str, size: int) -> None:
    async with _serve_cloud(home) as providers:
        await asyncio.to_thread(_run_script, home, program, extent, create_work(home, size), providers)


def _run_script(home: Path, program: Path, extent: str, work: Work, providers: str) -> None:
    """Deploy as the SDK's examples do."""
    from pulumi import automation

    from semantest_iac.infrastructure.cloud_programs import program as programs
    from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
    from semantest_iac.infrastructure.cloud_programs.context import ProgramContext

    target = find_cloud("aws")
    programs.import_sdk(target, work.blueprint)
    for folder in ("state", "home", "work"):
        (home / folder).mkdir(exist_ok=True)
    variables = {
        "PULUMI_BACKEND_URL": f"file://{home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "benchmark",
        "PULUMI_DEBUG_PROVIDERS": providers,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    os.environ["PATH"] = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    stack = automation.create_or_select_stack(
        str(STACK),
        "semantest-infrastructure",
        lambda: programs.register_blueprint(work.blueprint, target, ProgramContext(STACK, 1, work.artifact, str)),
        opts=automation.LocalWorkspaceOptions(
            work_dir=str(home / "work"), pulumi_home=str(home / "home"), env_vars=variables
        ),
    )
    if extent == "first":
        stack.preview()
    stack.up()
    if extent == "first":
        stack.outputs()


_TOOLS: Mapping[str, Callable[[Path, Path, str, int], Any]] = {
    "ours": _deploy_with_engine,
    "plain": _deploy_with_script,
}


def _peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


_COMMANDS = {**_TOOLS, "serve": _serve}


def main(tool: str, home: Path, program: Path, extent: str, size: int) -> None:
    """Run one deployment in this process; print the memory peaks of it and of the largest process that it started."""
    home.mkdir(exist_ok=True)
    asyncio.run(_COMMANDS[tool](home, program, extent, size))
    print(json.dumps([_peak_mb(resource.RUSAGE_SELF), _peak_mb(resource.RUSAGE_CHILDREN)]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]))

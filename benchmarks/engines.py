"""Pulumi's engine as this tool drives it, beside a plain Automation API script that does the same.

Both run the same program with the same CLI against equal simulated clouds on this machine, so that no cloud's own time
is in the figures. The script previews, updates and asks for the outputs, as the SDK's examples do; for no change it is
one plain `up`. Without a Pulumi CLI there are no rows.
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
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.ports.provisioner import ResourceProgress, SettledResource, Work
from semantest_iac.infrastructure.pulumi_engine.cli.location import PulumiCli, find_pulumi_cli

_TURNS = 5
_PARALLEL_STACKS = {4: 3, 8: 1}  # stacks -> turns
_OWN_RESOURCES = 19  # resources of the blueprint itself
_LARGE_STACK = 200  # cloud resources of a large stack; with twice as many, a script takes three minutes
_ROOT = Path(__file__).parents[1]
Pair = tuple[float, float]  # seconds of this tool and of the script
_STACK = Stack("rest-api", "aws", "development", "us-east-1")


def rows() -> list[dict[str, Any]]:
    """A first deployment, one without changes, several stacks at once, and memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            cli = find_pulumi_cli(os.environ)
        except RefusedError:
            return []
        turns = [_measure_turn(Path(folder, str(number)), cli) for number in range(_TURNS + 1)][1:]
        at_once = {count: [_measure_parallel(Path(folder, f"{count}-{number}"), cli, count) for number in range(turns_)]
                   for count, turns_ in _PARALLEL_STACKS.items()}  # fmt: skip
        large = _measure_turn(Path(folder, "large"), cli, _LARGE_STACK)
    first, same, peaks = zip(*turns, strict=True)
    return [
        _row("first deployment", first, "preview, up, outputs"),
        _row("no change", same, "one plain up"),
        *(_row(f"{count} stacks at once", times, "preview, up, outputs") for count, times in at_once.items()),
        _row(f"{_LARGE_STACK} resources, first deployment", [large[0]], "preview, up, outputs"),
        _row(f"{_LARGE_STACK} resources, no change", [large[1]], "one plain up"),
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


def _measure_turn(folder: Path, cli: PulumiCli, size: int = 0) -> tuple[Pair, Pair, tuple[float, float, float]]:
    """Seconds of this tool and the script for a first deployment and for no change, and their memory peaks."""
    folder.mkdir()
    first, same, peaks = [], [], {}
    for tool in _TOOLS:
        seconds, peaks[tool] = _finish(_start(tool, folder / tool, cli, "first", size))
        first.append(seconds)
        same.append(_finish(_start(tool, folder / tool, cli, "same", size))[0])
    return (first[0], first[1]), (same[0], same[1]), (*peaks["ours"], peaks["plain"][0])


def _measure_parallel(folder: Path, cli: PulumiCli, count: int) -> Pair:
    folder.mkdir()
    spent = []
    for tool in _TOOLS:
        started_at = perf_counter()
        started = [_start(tool, folder / f"{tool}{number}", cli, "first") for number in range(count)]
        for process in started:
            _finish(process)
        spent.append(perf_counter() - started_at)
    return spent[0], spent[1]


Started = tuple[float, "subprocess.Popen[str]"]


def _start(tool: str, home: Path, cli: PulumiCli, extent: str, size: int = 0) -> Started:
    command = [sys.executable, "-m", "benchmarks.engines", tool, str(home), str(cli.path), extent, str(size)]
    path = f"{_ROOT}{os.pathsep}{_ROOT / 'events'}"
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**inherited, "PYTHONPATH": path, "SEMANTEST_PULUMI": str(cli.path)}
    return perf_counter(), subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def _finish(started: Started) -> tuple[float, tuple[float, float]]:
    started_at, process = started
    output, _ = process.communicate(timeout=600)
    if process.returncode:
        raise RuntimeError("a deployment of the benchmark failed")
    own, largest_child = json.loads(output.splitlines()[-1])
    return perf_counter() - started_at, (own, largest_child)


def create_work(home: Path, size: int) -> Work:
    """The blueprint of `rest-api`, with alarms added until it has `size` resources."""
    from semantest_iac.domain.blueprints.components import build_rest_api
    from semantest_iac.domain.compute.functions import Artifact
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component

    package = home / "package.zip"
    package.write_bytes(b"a package")
    digest = sha256(package.read_bytes()).hexdigest()
    settings = resolve_component(DeploymentConfiguration(), _STACK.component, _STACK.environment)
    artifact = Artifact(digest, package, "index.handler", "python3.13", package.stat().st_size)
    blueprint = build_rest_api(_STACK, 1, settings)
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
        lambda package, region: open_simulated_cloud(package, inventory, region=region), _STACK.region
    )


async def _deploy_with_engine(home: Path, program: Path, extent: str, size: int) -> None:
    from semantest_iac.infrastructure.pulumi_engine.operations.engine import PulumiEngine
    from semantest_iac.infrastructure.pulumi_engine.operations.supervisor import EngineProcessSupervisor
    from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings

    async def publish(settled: SettledResource) -> None: ...

    def watch(update: ResourceProgress) -> None: ...

    engine = PulumiEngine(
        EngineProcessSupervisor(BackendSettings(home / "pulumi"), lambda name: name, lambda _: _serve_cloud(home))
    )
    work = create_work(home, size)
    plan = await engine.preview(work)
    if extent == "first":
        await engine.apply(work, plan, publish, watch)


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
        str(_STACK),
        "semantest-infrastructure",
        lambda: programs.register_blueprint(work.blueprint, target, ProgramContext(_STACK, 1, work.artifact, str)),
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


def main(tool: str, home: Path, program: Path, extent: str, size: int) -> None:
    """Run one deployment in this process; print the memory peaks of it and of the largest process that it started."""
    home.mkdir(exist_ok=True)
    asyncio.run(_TOOLS[tool](home, program, extent, size))
    print(json.dumps([_peak_mb(resource.RUSAGE_SELF), _peak_mb(resource.RUSAGE_CHILDREN)]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]))

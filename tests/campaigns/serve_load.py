"""Put load on `serve`: its own memory stays below 200 MB, and other stacks answer half as fast at the worst."""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.serve_load_clients import HTTP_LOADS, SOCKET_LOADS, Load, Target, run_load
from tests.e2e.conftest import Workspace

LARGEST_RSS_MB = 200
LARGEST_RATIO = 2.0
_QUIET = "quiet.aws.development.us-east-1"
_REGIONS = {"aws": "us-east-1", "azure": "eastus"}
_RECOVERY_S = 2
_PYTHON = """
import base64, sys

def handler(event, context):
    path = event["rawPath"]
    if path.endswith("/print"):
        sys.stdout.write(("x" * 99 + "\\n") * 10_000)
    if path.endswith("/large"):
        return {"statusCode": 200, "body": "x" * 5_000_000}
    return {"statusCode": 200, "body": str(len(event.get("body") or ""))}
"""
_NODE = """
require('node:http').createServer((request, response) => {
  let size = 0
  request.on('data', (part) => { size += part.length }).on('end', () => {
    if (request.url.endsWith('/print')) process.stdout.write(('x'.repeat(99) + '\\n').repeat(10000))
    response.end(request.url.endsWith('/large') ? 'x'.repeat(5000000) : String(size))
  })
}).listen(process.env.PORT || 3000)
"""
_CONFIGURATION = """
components:
  quiet: {type: rest-api, source: python, handler: app.handler, throttling: {rate: 100000, burst: 100000}}
  python: {type: rest-api, source: python, handler: app.handler, throttling: {rate: 100000, burst: 100000}}
  node: {type: rest-api, source: node, entry: server.js, throttling: {rate: 100000, burst: 100000}}
  websocket: {throttling: {rate: 100000, burst: 100000}}
"""


@dataclass(frozen=True)
class Measurement:
    """What one load did to `serve` and to another stack; times are in milliseconds."""

    load: str
    stack: str
    peak_mb: float
    quiet: tuple[float, float]
    loaded: tuple[float, float]
    requests: int
    met: str

    @property
    def ratio(self) -> float:
        return self.loaded[1] / self.quiet[1]

    @property
    def is_fault(self) -> bool:
        return self.peak_mb > LARGEST_RSS_MB or self.ratio > LARGEST_RATIO

    def __str__(self) -> str:
        quiet, loaded = ("{:.1f} / {:.1f}".format(*pair) for pair in (self.quiet, self.loaded))
        verdict = "FAULT" if self.is_fault else ""
        return (
            f"| {self.load} | {self.stack} | {self.peak_mb:.0f} | {quiet} | {loaded} | {self.ratio:.1f} "
            f"| {self.requests} | {self.met} | {verdict} |"
        )


def main(arguments: Sequence[str]) -> int:
    """Run every load against every stack that it fits, and print a table; 1 if a limit was exceeded."""
    parser = argparse.ArgumentParser("make campaign serve-load", description=__doc__)
    parser.add_argument("--load", action="append", choices=[*HTTP_LOADS, *SOCKET_LOADS], help="only this one")
    parser.add_argument("--cloud", action="append", choices=[*_REGIONS], help="only this one")
    parser.add_argument("--seconds", type=float, default=10, help="how long each load lasts")
    parser.add_argument("--workers", type=int, default=0, help="ignored: loads are measured one after the other")
    options = parser.parse_args(arguments)
    clouds, names = options.cloud or [*_REGIONS], options.load or [*HTTP_LOADS, *SOCKET_LOADS]
    folder = Path(tempfile.mkdtemp(prefix="serve-load-"))
    try:
        with serve_stacks(folder, clouds) as (url, process):
            results = list(_measure_all(url, process, clouds, names, options.seconds))
            ending_s = _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nserve ended {ending_s:.1f} s after SIGTERM.")
    return int(any(result.is_fault for result in results))


@contextmanager
def serve_stacks(folder: Path, clouds: Sequence[str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Deploy the stacks, and serve them with a stdout that nobody reads after the first line."""
    workspace = Workspace(folder, timeout_s=600)
    for name, file, text in (("python", "app.py", _PYTHON), ("node", "server.js", _NODE)):
        (folder / name).mkdir()
        (folder / name / file).write_text(text, encoding="utf-8")
    (folder / "semantest.yaml").write_text(_CONFIGURATION, encoding="utf-8")
    for cloud in dict.fromkeys(["aws", *clouds]):
        outcome = workspace.run("deploy", "--component", "all", "--provider", cloud)
        if outcome.code:
            raise SystemExit(f"Cannot deploy: {outcome.out}{outcome.err}")
    command = [sys.executable, "-m", "semantest_iac", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        try:
            url = process.stdout.readline().split()[2].rstrip(b";").decode()
            yield url, process
        finally:
            process.kill()


def _measure_all(
    url: str, process: subprocess.Popen[bytes], clouds: Sequence[str], names: Sequence[str], seconds: float
) -> Iterator[Measurement]:
    measure_latency(url, 3)  # starts the process of the quiet stack
    print("| load | stack | peak MB | quiet p50 / p99 ms | under load | ratio | n | what clients met | |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in names:
        for cloud in clouds:
            components = ("python", "node") if name in HTTP_LOADS else ("websocket",)
            for component in components:
                stack = f"{component}.{cloud}.development.{_REGIONS[cloud]}"
                load = HTTP_LOADS.get(name) or SOCKET_LOADS[name]
                result = measure(process.pid, name, load, Target(url, stack), seconds)
                print(result, flush=True)
                yield result


def measure(pid: int, name: str, load: Load, target: Target, seconds: float) -> Measurement:
    """Measure another stack without the load, and with it."""
    run_load_in_child(load_first_request, target, 0)
    quiet = measure_latency(target.url, max(5.0, seconds / 2))
    reset_peak_rss(pid)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        running = pool.submit(run_load, load, target, seconds)
        time.sleep(0.5)  # until the child has started
        loaded = measure_latency(target.url, 0.5)
        while not running.done():
            loaded += measure_latency(target.url, 0.5)
        met = running.result()
    shown = ", ".join(f"{what}: {number}" for what, number in met.most_common(4) if number)
    result = Measurement(
        name, target.stack.rsplit(".", 2)[0], read_peak_rss_mb(pid), find_percentiles(quiet), find_percentiles(loaded),
        len(loaded), shown,
    )  # fmt: skip
    time.sleep(_RECOVERY_S)
    return result


async def load_first_request(target: Target, seconds: float, met: Counter[str]) -> None:
    """Send one request, so that a process of the stack runs."""
    connection = http.client.HTTPConnection(*target.address, timeout=60)
    connection.request("GET", target.path)
    connection.getresponse().read()
    connection.close()


def run_load_in_child(load: Load, target: Target, seconds: float) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(run_load, load, target, seconds).result()


def measure_latency(url: str, seconds: float) -> list[float]:
    """Ask the quiet stack for so long, one request after the other, and return the milliseconds of each."""
    target, taken = Target(url, _QUIET), []
    connection = http.client.HTTPConnection(*target.address, timeout=60)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        try:
            connection.request("GET", target.path)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.005)
    connection.close()
    return taken


def find_percentiles(taken: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile."""
    ordered = sorted(taken)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def reset_peak_rss(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def read_peak_rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _stop(process: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return time.monotonic() - began

"""Let a service give its secrets away in every encoded form, and look for them in everything that the tool leaves."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tests.secret_scanner import FORMS, SecretScanner, make_secrets

ROOT = Path(__file__).parents[2]
ENGINES, CLOUDS, RUNTIMES = ("sandbox", "pulumi"), ("aws", "azure"), ("python", "node")
DEFAULT_SEED = 1
COMMAND_TIMEOUT_S = 300
_WATCH_INTERVAL_S = 0.25
_STACK = ("--component", "rest-api")
_TITLES = ("engine", "cloud", "runtime", "forms given away", "exits", "bytes searched", "found", "seconds")

# The service gives away what GIVE_AWAY names, as text that the tool shows or keeps in another way.
_PYTHON_SERVICE = """\
import base64, json, os, sys, time
import secret_scanner

NAMES = os.environ["NAMES"].split(",")
FORMS = os.environ["FORMS"].split(",")
SECRETS = {name: os.environ[name] for name in NAMES}

def give_away():
    for name, value in SECRETS.items():
        for form in FORMS:
            yield f"{name} as {form}: {secret_scanner.FORMS[form](value)} end"

if os.environ.get("BROKEN") == "import":
    print(*give_away(), sep="\\n")
    print(dict(os.environ))
    raise RuntimeError(repr(SECRETS))

def handler(event, context):
    path = event.get("rawPath", "/health")
    if path == "/tail":
        filler = "x" * (64 * 1024 - 30)
        print(SECRETS[NAMES[0]] + filler)
    elif path == "/many":
        for length in range(0, 400, 7):
            print("y" * length, SECRETS[NAMES[-1]])
    else:
        print(*give_away(), sep="\\n")
        sys.stderr.write(json.dumps(dict(os.environ)))
    if path == "/exit":
        sys.stdout.write(SECRETS[NAMES[0]][:-3])
        sys.stdout.flush()
        os._exit(3)
    if path == "/raise" or os.environ.get("BROKEN") == "health":
        raise KeyError(SECRETS)
    return {"statusCode": 200, "body": "fine"}
"""
_NODE_SERVICE = """\
const util = require('util')
const names = process.env.NAMES.split(',')
const secrets = Object.fromEntries(names.map((name) => [name, process.env[name]]))
const giveAway = () => names.flatMap((name) => {
  const value = secrets[name], bytes = Buffer.from(value)
  return [value, JSON.stringify({ value }), JSON.stringify(JSON.stringify({ value })), encodeURIComponent(value),
    encodeURI(value), escape(value), util.inspect({ value }), util.inspect(new Error(value)), bytes.toString('hex'),
    bytes.toString('base64'), bytes.toString('base64url'), Buffer.from(`u:${value}`).toString('base64'),
    Buffer.from(JSON.stringify({ value })).toString('base64'), String(new URLSearchParams({ value }))]
})
if (process.env.BROKEN === 'import') {
  console.log(process.env)
  throw new Error(util.inspect(secrets))
}
exports.handler = async (event) => {
  const path = event.rawPath || '/health'
  if (path === '/tail') console.log(secrets[names[0]] + 'x'.repeat(64 * 1024 - 30))
  else if (path === '/many') for (let n = 0; n < 400; n += 7) console.log('y'.repeat(n), secrets[names.at(-1)])
  else console.log(giveAway().join('\\n'), process.env)
  if (path === '/exit') { process.stdout.write(secrets[names[0]].slice(0, -3)); process.exit(3) }
  if (path === '/raise' || process.env.BROKEN === 'health') throw new Error(JSON.stringify(secrets))
  return { statusCode: 200, body: 'fine' }
}
"""
_FORMS_OF_NODE = 14


@dataclass(frozen=True)
class CanaryJob:
    """What to try: the forms are those of the Python service."""

    folder: Path
    engine: str
    cloud: str
    runtime: str
    seed: int
    forms: Sequence[str] = tuple(FORMS)
    is_short: bool = False

    def __str__(self) -> str:
        return f"{self.engine} {self.cloud} {self.runtime}"


@dataclass
class CanaryResult:
    """What was searched and found: an exit with the secrets and forms that it shows."""

    job: CanaryJob
    exits: set[str] = field(default_factory=set)
    searched: int = 0
    found: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, scanner: SecretScanner, name: str, content: bytes) -> None:
        """Search the content of one exit."""
        self.exits.add(name)
        self.searched += len(content)
        if hits := scanner.scan(content):
            self.found.setdefault(name, []).extend(hits)

    @property
    def is_clean(self) -> bool:
        return not self.found and not self.problems

    def describe(self) -> Iterator[str]:
        """Yield what was found and what did not go as expected."""
        for name, hits in self.found.items():
            yield f"{self.job}, seed {self.job.seed}: {name} has {', '.join(hits[:6])}"
        yield from (f"{self.job}, seed {self.job.seed}: {problem}" for problem in self.problems)


class CanaryRun:
    """One service from its first deployment to its removal, with every exit searched."""

    def __init__(self, job: CanaryJob) -> None:
        self.secrets = make_secrets(job.seed)
        self.scanner = SecretScanner(self.secrets, {"plain", "json", "base64-0", *job.forms})
        self.result = CanaryResult(job)
        self.folder = job.folder / "project"
        self.temporary = job.folder / "temporary"
        self._job = job
        self._commands: set[bytes] = set()

    def run(self) -> CanaryResult:
        """Deploy, call, break, show and remove the service; then search all files."""
        began = time.monotonic()
        self._write_project()
        with self._watch_commands():
            self._deploy()
            self._show()
            if not self._job.is_short:
                self._serve()
                self._command("destroy", "destroy", *_STACK, "--yes", expected=0)
        self._search_files()
        self.result.add(self.scanner, "arguments of processes", b"\n".join(self._commands))
        self.result.seconds = time.monotonic() - began
        return self.result

    def _write_project(self) -> None:
        job = self._job
        source = self.folder / "service"
        source.mkdir(parents=True)
        self.temporary.mkdir()
        if job.runtime == "python":
            (source / "index.py").write_text(_PYTHON_SERVICE)
            shutil.copy(ROOT / "tests" / "secret_scanner.py", source)
        else:
            (source / "index.js").write_text(_NODE_SERVICE)
        environment = {name.upper(): f"${{secrets.{name}}}" for name in self.secrets}
        environment |= {"NAMES": ",".join(environment), "FORMS": ",".join(job.forms), "SHARED": self._shared_value}
        component = {"source": "service", "handler": "index.handler", "environment": environment}
        if job.runtime == "node":
            component["runtime"] = "nodejs22.x"
        values = {"provider": job.cloud, "components": {"rest-api": component}}
        (self.folder / "semantest.yaml").write_text(json.dumps(values))

    @property
    def _shared_value(self) -> str:
        """A plain setting with the value of a secret; it is recorded, so the scanner does not look for it."""
        return "correct-horse-battery"

    def _deploy(self) -> None:
        self._command("deploy", "deploy", *_STACK, *self._engine, "--json", expected=0)
        broken = "components.rest-api.environment.BROKEN"
        self._command(
            "deploy --json of what cannot start", "deploy", *_STACK, *self._engine, "--set", f"{broken}=import",
            "--json", expected=1, state="rolled_back",
        )  # fmt: skip
        if not self._job.is_short:
            self._command("invoke --logs", "invoke", "rest-api", "GET", "/raise", "--logs", expected=None)
            self._command("invoke --json", "invoke", "rest-api", "GET", "/tail", "--logs", "--json", expected=None)
            self._command("invoke after an exit", "invoke", "rest-api", "GET", "/exit", "--logs", expected=None)
            self._command("invoke of many lines", "invoke", "rest-api", "GET", "/many", "--logs", expected=None)
            self._command("deploy", "deploy", *_STACK, *self._engine, "--set", f"{broken}=health", expected=1)
            self._command(
                "deploy --debug", "deploy", *_STACK, "--debug", "--json", "--set", f"{broken}=health", expected=1
            )

    def _show(self) -> None:
        self._command("events --json", "events", "--journal", "--json", expected=0)
        given_away = self._command("logs", "logs", "rest-api", expected=0)
        if given_away.count("***") < len(self._job.forms):
            self.result.problems.append(f"the service gave too little away: {given_away[:300]}")
        if self._job.is_short:
            return
        for words in (
            ("logs", "rest-api", "--json"), ("status",), ("history", "--json"), ("history",), ("events",),
            ("outputs", "--json"), ("preview", *_STACK, "--json", "--set", "components.rest-api.memory=1024"),
            ("config", "show", "rest-api"), ("config", "validate"), ("ledger", "verify"), ("doctor",),
        ):  # fmt: skip
            self._command(" ".join(words[:2]), *words, expected=None)

    def _serve(self) -> None:
        with self._start("serve", "--port", "0", "--json") as process:
            assert process.stdout
            line = process.stdout.readline()
            self.result.add(self.scanner, "serve", line.encode())
            url = json.loads(line)["url"] if line.startswith("{") else ""
            for path in ("/raise", "/exit", "/health", "/tail"):
                self.result.add(self.scanner, "answers of serve", _ask(f"{url}/rest-api{path}"))
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
        self.result.add(self.scanner, "serve", f"{out}\n{err}".encode())

    @property
    def _engine(self) -> tuple[str, ...]:
        return ("--engine", "pulumi", "--cloud", "sandbox") if self._job.engine == "pulumi" else ()

    def _command(self, name: str, *arguments: str, expected: int | None, state: str = "") -> str:
        """Run a command, search what it prints, and return that."""
        with self._start(*arguments) as process:
            out, err = process.communicate(timeout=COMMAND_TIMEOUT_S)
        self.result.add(self.scanner, f"{name}: stdout", out.encode())
        self.result.add(self.scanner, f"{name}: stderr", err.encode())
        if expected is not None and process.returncode != expected:
            self.result.problems.append(f"{name} ended with {process.returncode}: {out[-300:]} {err[-600:]}")
        elif state and json.loads(out.splitlines()[-1]).get("state") != state:
            self.result.problems.append(f"{name} did not end as {state}: {out.splitlines()[-1][:600]}")
        return f"{out}\n{err}"

    @contextmanager
    def _start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "semantest_iac", *arguments]
        with subprocess.Popen(
            command, cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def _environment(self) -> Mapping[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEMANTEST_")}
        secrets = {f"SEMANTEST_SECRET_{name.upper()}": value for name, value in self.secrets.items()}
        secrets["SEMANTEST_SECRET_SHARED"] = self._shared_value
        path = os.pathsep.join((str(ROOT), str(ROOT / "events")))
        return {**inherited, **secrets, "PYTHONPATH": path, "TMPDIR": str(self.temporary)}

    @contextmanager
    def _watch_commands(self) -> Iterator[None]:
        """Collect the arguments of all processes of this user while the block runs."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_WATCH_INTERVAL_S):
                for path in Path("/proc").glob("[0-9]*/cmdline"):
                    with suppress(OSError):
                        self._commands.add(path.read_bytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def _search_files(self) -> None:
        for path in sorted((*self.folder.rglob("*"), *self.temporary.rglob("*"))):
            if not path.is_file() or path.is_symlink():
                continue
            relative = path.relative_to(self._job.folder)
            self.result.add(self.scanner, f"file {_generalize(relative)}", path.read_bytes())
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        self.result.add(self.scanner, "entries of packages", archive.read(name))
            if "logs" in relative.parts and path.stat().st_mode & 0o077:
                self.result.problems.append(f"others may read {relative}")


def _generalize(path: Path) -> str:
    """Return the folder of a file in the home, and its ending."""
    return f"{path.parent.as_posix()}/*{path.suffix}" if len(path.parts) > 3 else path.as_posix()


def _ask(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return error.read()
    except OSError as error:
        return str(error).encode()


def run_canary_job(job: CanaryJob) -> CanaryResult:
    """Run one job in a folder of its own below the job's."""
    with tempfile.TemporaryDirectory(dir=job.folder, prefix="job-") as folder:
        given = CanaryJob(Path(folder), job.engine, job.cloud, job.runtime, job.seed, job.forms, job.is_short)
        return CanaryRun(given).run()


_SAMPLED_FORMS = 8


def draw_canary_job(folder: Path, seed: int) -> CanaryJob:
    """Draw a short job in the sandbox: its cloud, and some of the forms."""
    draw = random.Random(seed)
    forms = draw.sample(sorted(FORMS), _SAMPLED_FORMS)
    return CanaryJob(folder, "sandbox", draw.choice(CLOUDS), "python", seed, forms, is_short=True)


def main(arguments: Sequence[str]) -> int:
    """Run the campaign, print a row for each job and what was found, and return 1 if there is something."""
    parser = argparse.ArgumentParser("make campaign canaries", description=__doc__)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--cloud", action="append", choices=CLOUDS)
    parser.add_argument("--runtime", action="append", choices=RUNTIMES)
    parser.add_argument("--seed", type=int, action="append", help=f"default: {DEFAULT_SEED}")
    parser.add_argument("--workers", type=int, default=2, help="jobs at a time")
    options = parser.parse_args(arguments)
    results = []
    print(_row(_TITLES), _row(["---"] * len(_TITLES)), sep="\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="canaries-") as folder, ThreadPoolExecutor(options.workers) as pool:
        jobs = [
            CanaryJob(Path(folder), engine, cloud, runtime, seed)
            for seed, engine, cloud, runtime in product(
                options.seed or [DEFAULT_SEED],
                options.engine or ENGINES,
                options.cloud or CLOUDS,
                options.runtime or RUNTIMES,
            )
        ]
        for result in pool.map(run_canary_job, jobs):
            results.append(result)
            print(_format_result(result), *result.describe(), sep="\n", flush=True)
    clean = sum(result.is_clean for result in results)
    print(f"canaries: {clean} of {len(results)} jobs clean, {sum(len(each.exits) for each in results)} exits searched")
    return int(clean < len(results))


def _format_result(result: CanaryResult) -> str:
    job = result.job
    forms = (len(job.forms) if job.runtime == "python" else _FORMS_OF_NODE) * len(make_secrets(job.seed))
    hits = sum(map(len, result.found.values()))
    figures = (forms, len(result.exits), result.searched, hits, f"{result.seconds:.0f}")
    return _row([job.engine, job.cloud, job.runtime, *map(str, figures)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

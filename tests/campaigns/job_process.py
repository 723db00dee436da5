"""Runs the job of a campaign in a process of its own: the job is JSON on stdin, each report a line on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class JobOutput:
    """What a process has reported, the processor time that it needed, and why it has failed."""

    rows: list[Any] = field(default_factory=list)
    cpu_seconds: float = 0.0
    error: str = ""


def run_job_process(runner: str, job: Any, prefix: Sequence[str] = ()) -> JobOutput:
    """Run the module with the job, a dataclass, in a folder below its `folder`; `prefix` comes before the command."""
    command = [*prefix, sys.executable, "-W", "error", "-m", runner]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'events'}"}
    with tempfile.TemporaryDirectory(dir=job.folder, prefix="job-") as folder:
        given = json.dumps(asdict(replace(job, folder=folder)))
        finished = subprocess.run(
            command, cwd=ROOT, env=environment, input=given, capture_output=True, text=True, check=False
        )
    rows = [json.loads(line) for line in finished.stdout.splitlines()]
    if finished.returncode:
        return JobOutput(rows, error=f"the runner ended with {finished.returncode}: {finished.stderr[-2000:]}")
    return JobOutput(rows[:-1], rows[-1])


def print_reports(reports: Iterable[Any]) -> None:
    """Print each report, and at last the processor time of this process and its children in seconds."""
    for report in reports:
        print(json.dumps(asdict(report)), flush=True)
    spent = os.times()
    print(spent.user + spent.system + spent.children_user + spent.children_system)

"""Packages of functions whose helpers send requests, and a server on this machine that gets them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.artifacts.layouts import PackageLayout
from tests.webhook_receiver import ThreadedReceiver

_SECONDS = 60


@pytest.fixture(params=["python", "nodejs"])
def language(request: pytest.FixtureRequest) -> str:
    return require_language(str(request.param))


@pytest.fixture
def receiver() -> Iterator[ThreadedReceiver]:
    opened = ThreadedReceiver()
    yield opened
    opened.close()


def require_language(language: str) -> str:
    """Skip the test where nothing here runs the language."""
    if language == "nodejs" and shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    return language


def write_package(layout: PackageLayout, folder: Path) -> None:
    """Write our own files of a package."""
    for path, content in layout.generated_files(handler="app.handler").items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def run_script(language: str, script: str, folder: Path, environment: Mapping[str, str], given: Any) -> str:
    """Run a script in the folder of a package, with what it is given as JSON, and return what it prints."""
    command = [sys.executable, "-c"] if language == "python" else [str(shutil.which("node")), "-e"]
    done = subprocess.run(
        [*command, script],
        cwd=folder,
        env=environment,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

"""`doctor`: what this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import click

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.names import DEFAULT_PROVIDER, ENVIRONMENTS, PROVIDERS
from semantest_iac.domain.environments.providers import DEFAULT_REGIONS
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.presentation.cli.application import CliApplication
from semantest_iac.presentation.cli.failures import FAILED, OK
from semantest_iac.presentation.cli.formatting import align_columns
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.session import Session

HELP = """Check what this machine has, and say what to do about what is missing.

\b
  semantest-iac doctor

Exit 0 when the sandbox can be used, 1 when something that it needs is missing.
"""
NODE_SERVERS = "Needed to deploy and call Node servers alone."


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; what is not `needed` by the sandbox never fails the whole."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    needed: bool = True


@click.command("doctor", help=HELP)
@session_options
def command(session: Session) -> int:
    """Imports nothing heavy to find out."""
    checks = list(_checks(session.application))
    works = all(check.ok for check in checks if check.needed)
    verdict = "The sandbox is ready." if works else "The sandbox cannot be used yet."
    session.answer(
        {"sandbox": works, "checks": [asdict(check) for check in checks]},
        [*_lines(checks), verdict],
    )
    return OK if works else FAILED


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    marks = ["ok" if check.ok else "MISSING" if check.needed else "absent" for check in checks]
    rows = align_columns([(mark, check.name, check.found) for mark, check in zip(marks, checks, strict=True)])
    for check, row in zip(checks, rows, strict=True):
        yield row
        if check.advice and not check.ok:
            yield f"           {check.advice}"


def _checks(application: CliApplication) -> Iterator[Check]:
    yield Check("Python", sys.version_info >= (3, 11), sys.version.split()[0], "Use Python 3.11 or later.")
    yield _package("pulumi", "pip install pulumi")
    yield _package("pulumi-aws", "pip install pulumi-aws")
    yield _package("pulumi-azure-native", "pip install pulumi-azure-native", needed=False)
    yield _home(application.home)
    yield _ledger(application)
    yield _program("node", NODE_SERVERS)
    yield _program("npm", NODE_SERVERS)
    pip = find_spec("pip") is not None
    advice = "Needed for Python sources with a requirements.txt: python -m ensurepip"
    yield Check("pip", pip, version("pip") if pip else "not there", advice, needed=False)
    yield from _needs(application)
    for provider in PROVIDERS:
        for environment in ENVIRONMENTS:
            yield _engine(provider, environment, application)


def _package(name: str, advice: str, *, needed: bool = True) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, "not installed", advice, needed)


def _needs(application: CliApplication) -> Iterator[Check]:
    for need in application.needs(()):
        found = need.found()
        advice = "The sandbox does without; python -m semantest_iac setup gets it."
        yield Check(need.name, found is not None, found or "not there", advice, needed=False)


def _program(name: str, advice: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(f"{name} program", False, "not on the PATH", advice, needed=False)
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603  # no shell
    except (OSError, subprocess.TimeoutExpired):
        return Check(f"{name} program", False, "does not start", advice, needed=False)
    found = answer.stdout.strip().partition("\n")[0]
    return Check(f"{name} program", answer.returncode == 0, found, advice, needed=False)


def _home(home: Path) -> Check:
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return Check("home", writable, str(home), f"'{nearest}' cannot be written to; choose another with --home.")


def _ledger(application: CliApplication) -> Check:
    try:
        return Check("ledger", True, f"intact, {application.ledger.verify().events} events")
    except DeploymentError as error:
        return Check("ledger", False, error.message, error.hint)


def _engine(provider: str, environment: str, application: CliApplication) -> Check:
    stack = Stack("rest-api", provider, environment, DEFAULT_REGIONS[provider])
    name = environment if provider == DEFAULT_PROVIDER else f"{environment} on {provider}"
    try:
        choice = application.engine(stack, DeploymentConfiguration())
    except DeploymentError as error:
        missing = "; ".join(f"{fault.path}: {fault.message}" for fault in error.faults) or error.message
        ways = "  ".join(dict.fromkeys(fault.hint for fault in error.faults if fault.hint))
        return Check(name, False, missing, ways or error.hint, needed=False)
    return Check(name, True, f"engine {choice.engine}, cloud {choice.cloud}")

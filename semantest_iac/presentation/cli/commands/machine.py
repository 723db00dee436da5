"""`doctor` and `setup`: what this machine has, and what it needs for real deployments."""

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
from typing import Any

import click

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import DEFAULT_PROVIDER, ENVIRONMENTS, PROVIDERS
from semantest_iac.domain.errors import DeploymentError, RefusedError
from semantest_iac.presentation.cli.application import CliApplication, EnginePrerequisite
from semantest_iac.presentation.cli.failures import FAILED, OK, error_to_json
from semantest_iac.presentation.cli.formatting import align_columns
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.error_lines import format_error

DOCTOR_HELP = """Check what this machine has, and say what to do about what is missing.

\b
  semantest-iac doctor

Exit 0 when the sandbox can be used, 1 when something that it needs is missing.
"""
NODE_ADVICE = "Needed to deploy and call Node servers alone."


@dataclass(frozen=True, slots=True)
class MachineCheck:
    """One finding; what is not `needed` by the sandbox never fails the whole."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    needed: bool = True


@click.command("doctor", help=DOCTOR_HELP)
@session_options
def doctor_command(session: Session) -> int:
    """Imports nothing heavy to find out."""
    checks = list(_run_checks(session.application))
    works = all(check.ok for check in checks if check.needed)
    verdict = "The sandbox is ready." if works else "The sandbox cannot be used yet."
    session.answer(
        {"sandbox": works, "checks": [asdict(check) for check in checks]},
        [*_format_checks(checks), verdict],
    )
    return OK if works else FAILED


def _format_checks(checks: Sequence[MachineCheck]) -> Iterator[str]:
    marks = ["ok" if check.ok else "MISSING" if check.needed else "absent" for check in checks]
    rows = align_columns([(mark, check.name, check.found) for mark, check in zip(marks, checks, strict=True)])
    for check, row in zip(checks, rows, strict=True):
        yield row
        if check.advice and not check.ok:
            yield f"           {check.advice}"


def _run_checks(application: CliApplication) -> Iterator[MachineCheck]:
    yield MachineCheck("Python", sys.version_info >= (3, 11), sys.version.split()[0], "Use Python 3.11 or later.")
    yield _check_package("pulumi", "pip install pulumi")
    yield _check_package("pulumi-aws", "pip install pulumi-aws")
    yield _check_package("pulumi-azure-native", "pip install pulumi-azure-native", needed=False)
    yield _check_home(application.home)
    yield _check_ledger(application)
    yield _check_program("node", NODE_ADVICE)
    yield _check_program("npm", NODE_ADVICE)
    pip = find_spec("pip") is not None
    advice = "Needed for Python sources with a requirements.txt: python -m ensurepip"
    yield MachineCheck("pip", pip, version("pip") if pip else "not there", advice, needed=False)
    yield from _check_prerequisites(application)
    for provider in PROVIDERS:
        for environment in ENVIRONMENTS:
            yield _check_engine(provider, environment, application)


def _check_package(name: str, advice: str, *, needed: bool = True) -> MachineCheck:
    try:
        return MachineCheck(name, True, version(name))
    except PackageNotFoundError:
        return MachineCheck(name, False, "not installed", advice, needed)


def _check_prerequisites(application: CliApplication) -> Iterator[MachineCheck]:
    for need in application.needs(()):
        found = need.found()
        advice = "The sandbox does without; python -m semantest_iac setup gets it."
        yield MachineCheck(need.name, found is not None, found or "not there", advice, needed=False)


def _check_program(name: str, advice: str) -> MachineCheck:
    path = shutil.which(name)
    if path is None:
        return MachineCheck(f"{name} program", False, "not on the PATH", advice, needed=False)
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603  # no shell
    except (OSError, subprocess.TimeoutExpired):
        return MachineCheck(f"{name} program", False, "does not start", advice, needed=False)
    found = answer.stdout.strip().partition("\n")[0]
    return MachineCheck(f"{name} program", answer.returncode == 0, found, advice, needed=False)


def _check_home(home: Path) -> MachineCheck:
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return MachineCheck("home", writable, str(home), f"'{nearest}' cannot be written to; choose another with --home.")


def _check_ledger(application: CliApplication) -> MachineCheck:
    try:
        return MachineCheck("ledger", True, f"intact, {application.ledger.verify().events} events")
    except DeploymentError as error:
        return MachineCheck("ledger", False, error.message, error.hint)


def _check_engine(provider: str, environment: str, application: CliApplication) -> MachineCheck:
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration  # not for `setup --help`

    stack = Stack("rest-api", provider, environment, application.providers[provider].regions[0])
    name = environment if provider == DEFAULT_PROVIDER else f"{environment} on {provider}"
    try:
        choice = application.engine(stack, DeploymentConfiguration())
    except DeploymentError as error:
        missing = "; ".join(f"{fault.path}: {fault.message}" for fault in error.faults) or error.message
        ways = "  ".join(dict.fromkeys(fault.hint for fault in error.faults if fault.hint))
        return MachineCheck(name, False, missing, ways or error.hint, needed=False)
    return MachineCheck(name, True, f"engine {choice.engine}, cloud {choice.cloud}")


SETUP_HELP = """Get what real deployments need: the Pulumi CLI, and the plugin of each cloud whose SDK is installed.

\b
  semantest-iac setup
  semantest-iac setup --provider aws --yes

What is there already is left alone. The CLI comes from Pulumi's installer, else it is built with Go, and goes to the
cache folder; plugins go to Pulumi's own folder. Exit 0 when everything is there, 1 otherwise.
"""


@click.command("setup", help=SETUP_HELP)
@click.option("--provider", "providers", multiple=True, metavar="NAME", help="aws or azure; may be repeated.")
@click.option("--yes", is_flag=True, help="Agree without being asked.")
@session_options
def setup_command(session: Session, providers: tuple[str, ...], yes: bool) -> int:
    """Nothing is fetched before everything was looked for and somebody agreed."""
    needs = session.application.needs(providers)
    there = {need.name: place for need in needs if (place := need.found())}
    missing = [need for need in needs if need.name not in there]
    if missing and not yes:
        _require_setup_consent(session, missing)
    steps = [_install_if_missing(session, need, there.get(need.name)) for need in needs]
    ready = all(step["state"] != "failed" for step in steps)
    last = "Pulumi's engine is ready." if ready else "Pulumi's engine cannot be used yet."
    session.answer({"ready": ready, "steps": steps}, [last])
    return OK if ready else FAILED


def _require_setup_consent(session: Session, missing: Sequence[EnginePrerequisite]) -> None:
    names = ", ".join(need.name for need in missing)
    if session.terminal.ask(f"Missing: {names}. Type yes to get what is missing: ") != "yes":
        message = f"Cannot get {names}: nobody agreed to it."
        raise RefusedError(message, "CONSENT_MISSING", hint="Add --yes.")


def _install_if_missing(session: Session, need: EnginePrerequisite, place: str | None) -> dict[str, Any]:
    """How one need stands in the end; in text it is said at once, because the next one may take minutes."""
    try:
        place, state = (place, "there") if place else (need.meet(session.terminal.remark), "installed")
    except DeploymentError as error:
        _say_unless_json(session, *format_error(error))
        return {"name": need.name, "state": "failed", "place": None, **error_to_json(error)}
    _say_unless_json(session, f"{state:9}  {need.name}  {place}")
    return {"name": need.name, "state": state, "place": place}


def _say_unless_json(session: Session, *lines: str) -> None:
    if not session.json:
        session.terminal.say(*lines)

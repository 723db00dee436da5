"""`doctor` and `setup`: check what is installed on this machine, and install what real deployments need."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import DEFAULT_PROVIDER, ENVIRONMENTS, PROVIDERS
from semantest_iac.domain.errors import (
    DeploymentError,
    RefusedError,
    StorageError,
    ValidationError,
    as_storage_error,
)
from semantest_iac.presentation.cli.application import CliApplication, EnginePrerequisite
from semantest_iac.presentation.cli.commands.homes import format_parts, home_to_json
from semantest_iac.presentation.cli.failures import FAILED, OK, error_to_json
from semantest_iac.presentation.cli.formatting import program_name
from semantest_iac.presentation.cli.home_folder import find_writing_fault
from semantest_iac.presentation.cli.options import (
    PATH_TYPE,
    file_options,
    inspection_options,
    many_stacks_options,
    session_options,
)
from semantest_iac.presentation.cli.session import ConfigurationOptions, MultiStackSelector, Session, StackSelector
from semantest_iac.presentation.cli.tables import wrap_after
from semantest_iac.presentation.error_lines import format_error

if TYPE_CHECKING:
    from semantest_iac.domain.environments.settings import ComponentSettings

DOCTOR_HELP = """Check what is installed on this machine and every part of the home, and say what helps.

\b
  semantest-iac doctor
  semantest-iac doctor --home
  semantest-iac doctor --permissions rest-api --env production
  semantest-iac doctor --permissions rest-api --granted policy.json

With --permissions, instead prints the role that deploying each component needs, limited to the names of its stack, what
its functions may do, and which of that no feature uses: computed from what its program creates in a simulated cloud; no
account is contacted. With --granted, compares it with a policy or role that somebody has. --json has the document.

Exits 0 if the sandbox is ready, 1 if it needs something that is missing or a part of the home is damaged.
"""
NODE_ADVICE = "Only needed to deploy and call Node servers."


@dataclass(frozen=True, slots=True)
class MachineCheck:
    """The result of one check; `needed` is what the sandbox cannot do without."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    needed: bool = True


@click.command("doctor", help=DOCTOR_HELP)
@click.option("--permissions", is_flag=True, help="Print which rights deployments need, and which they give.")
@click.option("--granted", type=PATH_TYPE, metavar="FILE", help="With --permissions: a policy to compare with.")
@many_stacks_options
@file_options
@inspection_options
def doctor_command(
    session: Session,
    selector: MultiStackSelector,
    options: ConfigurationOptions,
    permissions: bool,
    granted: Path | None,
) -> int:
    if permissions:
        return _show_permissions(session, selector, options, granted)
    if granted is not None or selector != MultiStackSelector():
        hint = "Add --permissions, or leave them out."
        raise ValidationError("Cannot use components, places or --granted without --permissions.", hint=hint)
    checks = list(_run_checks(session.application))
    parts = session.application.inspect_home()
    is_ready = all(check.ok for check in checks if check.needed) and all(part.is_usable for part in parts)
    summary = "The sandbox is ready." if is_ready else "The sandbox is not ready yet."
    width = session.terminal.width
    home_lines = [f"Home {session.application.home}:", *format_parts(parts, width)] if parts else []
    session.answer(
        {"sandbox": is_ready, "checks": [asdict(check) for check in checks], "home": home_to_json(parts)},
        [*_format_checks(checks, width), *home_lines, summary],
    )
    return OK if is_ready else FAILED


def _show_permissions(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions, granted: Path | None
) -> int:
    """Show the rights of each component; exits 1 where a granted policy lacks some."""
    from semantest_iac.application.intake.deployment_specs import accept_all
    from semantest_iac.domain.security.permissions import compare_permissions
    from semantest_iac.presentation.cli.text.permissions import format_comparison, format_permissions

    selectors = session.expand(selector, options)
    places = accept_all(partial(_resolve_settings, session, each, options) for each in selectors)
    document = None if granted is None else _read_document(granted)
    is_enough, width = True, session.terminal.width
    for stack, settings in places:
        found = session.application.permissions(stack, settings)
        answer, lines = found.as_dict(), list(format_permissions(found, width))
        if granted is not None:
            known = session.application.granted_permissions(stack.provider, document)
            compared = compare_permissions(found.deploy, known)
            answer |= {"granted": compared.as_dict()}
            lines = [found.stack, *format_comparison(compared, width)]
            is_enough = is_enough and not compared.missing
        session.answer(answer, lines)
    return OK if is_enough else FAILED


def _resolve_settings(
    session: Session, selector: StackSelector, options: ConfigurationOptions
) -> tuple[Stack, ComponentSettings]:
    """Return the stack and its settings; raises ValidationError with every fault but secrets without value."""
    from semantest_iac.domain.environments.configuration import resolve_component

    stack, loaded = session.resolve_stack_and_configuration(selector, options)
    report = session.application.validation.validate(stack, loaded.configuration)
    if report.faults:
        raise ValidationError(f"Cannot look at '{stack}'.", faults=loaded.locate(report.faults))
    return stack, resolve_component(loaded.configuration, stack.component, stack.environment)


def _read_document(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is not JSON"
        raise StorageError(f"Cannot read '{file}': {reason}.", hint="Name a policy document in JSON.") from error


def _format_checks(checks: Sequence[MachineCheck], width: int | None) -> Iterator[str]:
    marks = ["ok" if check.ok else "MISSING" if check.needed else "absent" for check in checks]
    name_width = max(len(check.name) for check in checks)
    for check, mark in zip(checks, marks, strict=True):
        yield from wrap_after(f"{mark:<7}  {check.name:<{name_width}}  ", check.found, width)
        if check.advice and not check.ok:
            yield from wrap_after(" " * 9, check.advice, width)


def _run_checks(application: CliApplication) -> Iterator[MachineCheck]:
    yield MachineCheck("Python", sys.version_info >= (3, 11), sys.version.split()[0], "Use Python 3.11 or later.")
    yield _check_package("pulumi", "pip install pulumi")
    yield _check_package("pulumi-aws", "pip install pulumi-aws")
    yield _check_package("pulumi-azure-native", "pip install pulumi-azure-native", needed=False)
    yield _check_home(application.home)
    yield _check_ledger(application)
    yield _check_artifact_store(application)
    yield _check_program("node", NODE_ADVICE)
    yield _check_program("npm", NODE_ADVICE)
    has_pip = find_spec("pip") is not None
    advice = "Needed for Python sources with a requirements.txt: python -m ensurepip"
    yield MachineCheck("pip", has_pip, version("pip") if has_pip else "not installed", advice, needed=False)
    yield from _check_prerequisites(application)
    for account in application.account_checks():
        yield MachineCheck(account.name, account.ok, account.found, account.advice, needed=False)
    for provider in PROVIDERS:
        for environment in ENVIRONMENTS:
            yield _check_engine(provider, environment, application)


def _check_package(name: str, advice: str, *, needed: bool = True) -> MachineCheck:
    try:
        return MachineCheck(name, True, version(name))
    except PackageNotFoundError:
        return MachineCheck(name, False, "not installed", advice, needed)


def _check_prerequisites(application: CliApplication) -> Iterator[MachineCheck]:
    advice = f"Only needed for real deployments. Install it with: {program_name()} setup"
    for prerequisite in application.prerequisites(()):
        path = prerequisite.find()
        yield MachineCheck(prerequisite.name, path is not None, path or "not installed", advice, needed=False)


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
    reason = find_writing_fault(home)
    advice = f"Nothing can be written there ({reason}); choose another home with --home."
    return MachineCheck("home", not reason, str(home), advice)


def _check_ledger(application: CliApplication) -> MachineCheck:
    try:
        return MachineCheck("ledger", True, f"intact, {application.ledger.verify().events} events")
    except DeploymentError as error:
        return MachineCheck("ledger", False, error.message, error.hint)


def _check_artifact_store(application: CliApplication) -> MachineCheck:
    try:
        stored = application.artifact_store.list_packages()
    except (DeploymentError, OSError) as error:
        known = error if isinstance(error, DeploymentError) else as_storage_error(error)
        if known is None:
            raise
        hints = "  ".join(fault.hint for fault in known.faults)
        return MachineCheck("packages", False, known.reason, known.hint or hints)
    return MachineCheck("packages", True, f"{len(stored)} stored")


def _check_engine(provider: str, environment: str, application: CliApplication) -> MachineCheck:
    from semantest_iac.domain.environments.configuration import DeploymentConfiguration  # imports pydantic

    stack = Stack("rest-api", provider, environment, application.providers[provider].regions[0])
    name = environment if provider == DEFAULT_PROVIDER else f"{environment} on {provider}"
    try:
        choice = application.engine(stack, DeploymentConfiguration())
    except DeploymentError as error:
        missing = "; ".join(f"{fault.path}: {fault.message}" for fault in error.faults) or error.message
        hints = "  ".join(dict.fromkeys(fault.hint for fault in error.faults if fault.hint))
        return MachineCheck(name, False, missing, hints or error.hint, needed=False)
    return MachineCheck(name, True, f"engine {choice.engine}, cloud {choice.cloud}")


SETUP_HELP = """Install what real deployments need: the Pulumi CLI, and the plugin of each cloud whose SDK is installed.

\b
  semantest-iac setup
  semantest-iac setup --provider aws --yes
  semantest-iac setup --node-sdk

Skips what is already installed. Downloads the CLI with Pulumi's installer, else builds it with Go, into the cache
folder; plugins go to Pulumi's own folder. With --node-sdk, installs instead what Lambda's Node runtimes bring and
simulated clouds need. Exits 0 if everything is installed, 1 otherwise.
"""


@click.command("setup", help=SETUP_HELP)
@click.option("--provider", "providers", multiple=True, metavar="NAME", help="aws or azure. Can be repeated.")
@click.option("--node-sdk", is_flag=True, help="Install the AWS SDK for JavaScript, for Node functions run here.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@session_options
def setup_command(session: Session, providers: tuple[str, ...], node_sdk: bool, yes: bool) -> int:
    """Look for everything, ask for confirmation, then install what is missing."""
    application = session.application
    prerequisites = [application.node_sdk()] if node_sdk else application.prerequisites(providers)
    paths = {each.name: path for each in prerequisites if (path := each.find())}
    missing = [each for each in prerequisites if each.name not in paths]
    if missing and not (yes or node_sdk):
        _require_setup_consent(session, missing)
    steps = [_install_if_missing(session, each, paths.get(each.name)) for each in prerequisites]
    is_ready = all(step["state"] != "failed" for step in steps)
    what = "The AWS SDK for JavaScript" if node_sdk else "The Pulumi engine"
    summary = f"{what} is ready." if is_ready else f"{what} is not ready yet."
    session.answer({"ready": is_ready, "steps": steps}, [summary])
    return OK if is_ready else FAILED


def _require_setup_consent(session: Session, missing: Sequence[EnginePrerequisite]) -> None:
    names = ", ".join(each.name for each in missing)
    if session.terminal.ask(f"Missing: {names}. Type yes to install: ") != "yes":
        message = f"Cannot install {names}: it was not confirmed."
        raise RefusedError(message, "CONSENT_MISSING", hint="Add --yes.")


def _install_if_missing(session: Session, prerequisite: EnginePrerequisite, path: str | None) -> dict[str, Any]:
    """Return the step's JSON; as text it is printed at once, because the next step may take minutes."""
    try:
        path, state = (path, "there") if path else (prerequisite.install(session.terminal.print_remarks), "installed")
    except DeploymentError as error:
        _print_unless_json(session, *format_error(error))
        return {"name": prerequisite.name, "state": "failed", "place": None, **error_to_json(error)}
    label = "present" if state == "there" else state
    _print_unless_json(session, f"{label:9}  {prerequisite.name}  {path}")
    return {"name": prerequisite.name, "state": state, "place": path}


def _print_unless_json(session: Session, *lines: str) -> None:
    if not session.json:
        session.terminal.print_lines(*lines)

"""`setup`: get what Pulumi's engine needs of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from semantest_iac.domain.errors import DeploymentError, RefusedError
from semantest_iac.presentation.cli.application import EnginePrerequisite
from semantest_iac.presentation.cli.failures import FAILED, OK, error_to_json
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.error_lines import format_error

HELP = """Get what real deployments need: the Pulumi CLI, and the plugin of each cloud whose SDK is installed.

\b
  semantest-iac setup
  semantest-iac setup --provider aws --yes

What is there already is left alone. The CLI comes from Pulumi's installer, else it is built with Go, and goes to the
cache folder; plugins go to Pulumi's own folder. Exit 0 when everything is there, 1 otherwise.
"""


@click.command("setup", help=HELP)
@click.option("--provider", "providers", multiple=True, metavar="NAME", help="aws or azure; may be repeated.")
@click.option("--yes", is_flag=True, help="Agree without being asked.")
@session_options
def command(session: Session, providers: tuple[str, ...], yes: bool) -> int:
    """Nothing is fetched before everything was looked for and somebody agreed."""
    needs = session.application.needs(providers)
    there = {need.name: place for need in needs if (place := need.found())}
    missing = [need for need in needs if need.name not in there]
    if missing and not yes:
        _require_consent(session, missing)
    steps = [_met(session, need, there.get(need.name)) for need in needs]
    ready = all(step["state"] != "failed" for step in steps)
    last = "Pulumi's engine is ready." if ready else "Pulumi's engine cannot be used yet."
    session.answer({"ready": ready, "steps": steps}, [last])
    return OK if ready else FAILED


def _require_consent(session: Session, missing: Sequence[EnginePrerequisite]) -> None:
    names = ", ".join(need.name for need in missing)
    if session.terminal.ask(f"Missing: {names}. Type yes to get what is missing: ") != "yes":
        message = f"Cannot get {names}: nobody agreed to it."
        raise RefusedError(message, "CONSENT_MISSING", hint="Add --yes.")


def _met(session: Session, need: EnginePrerequisite, place: str | None) -> dict[str, Any]:
    """How one need stands in the end; in text it is said at once, because the next one may take minutes."""
    try:
        place, state = (place, "there") if place else (need.meet(session.terminal.remark), "installed")
    except DeploymentError as error:
        _say(session, *format_error(error))
        return {"name": need.name, "state": "failed", "place": None, **error_to_json(error)}
    _say(session, f"{state:9}  {need.name}  {place}")
    return {"name": need.name, "state": state, "place": place}


def _say(session: Session, *lines: str) -> None:
    if not session.json:
        session.terminal.say(*lines)

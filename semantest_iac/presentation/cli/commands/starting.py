"""`init`: writes the first configuration of a project."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from semantest_iac.domain.deployment.stack import find_part_fault
from semantest_iac.domain.environments.names import (
    COMPONENT_TYPES,
    DEFAULT_PROVIDER,
    LONGEST_STACK_PART,
    RESERVED_COMPONENT_NAMES,
    make_printable,
    suggest_known,
)
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.presentation.cli.commands.imports.first_file import (
    check_first_file,
    choose_next_command,
    refuse_to_overwrite,
    write_first_file,
)
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.options import PATH_TYPE, unchecked_session_options
from semantest_iac.presentation.cli.session import STANDARD_FILE, Session
from semantest_iac.presentation.error_lines import format_faults, format_warnings
from semantest_iac_events.stack_names import DEFAULT_PROJECT

if TYPE_CHECKING:
    from semantest_iac.domain.ports.service_finder import FoundService

INIT_HELP = """Write semantest.yaml for the service in this folder: FastAPI, Starlette, Flask, Django, Express, Fastify,
Koa, NestJS, a plain server or a function handler.

\b
  semantest-iac init
  semantest-iac init --source ../api --provider azure --yes

Reads files and runs none of them. On a terminal it asks for project, cloud and component; Enter takes the word in
brackets. Without a service, writes a configuration that deploys a small one. Several services below the folder become
components of their own.
"""
DEFAULT_COMPONENT = "rest-api"


@click.command("init", help=INIT_HELP)
@click.option("--source", type=PATH_TYPE, default=Path(), metavar="PATH", help="The folder of the code. Default: this.")
@click.option("--provider", metavar="NAME", help="aws or azure.")
@click.option("--project", metavar="NAME", help="What all names begin with. Default: the name of this folder.")
@click.option("--component", metavar="NAME", help="Name of the (first) component. Default: rest-api.")
@click.option("--force", is_flag=True, help="Overwrite an existing semantest.yaml.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@unchecked_session_options
def init_command(  # one parameter for each option
    session: Session, source: Path, force: bool, yes: bool, **names: str | None
) -> int:
    """Look for services, ask what was not given, write the file and check it."""
    target = Path(STANDARD_FILE)
    refuse_to_overwrite(target, force=force)
    _require_folder(source)
    found = session.application.first_configurations.find_services(source.resolve())
    if not session.json:
        session.terminal.print_lines(*_describe_found(found, source))
    chosen = _choose_valid_names(session, names, len(found), skip=yes)
    components = _name_components(chosen.component, found)
    text = session.application.first_configurations.render_starter(
        chosen.project, chosen.provider, components, Path.cwd()
    )
    write_first_file(target, text, force=force)
    _check_and_answer(session, chosen, components)
    return OK


class ChosenNames(NamedTuple):
    """What the file is about; `component` is empty where each of several services has the name of its folder."""

    project: str
    provider: str
    component: str


def _choose_valid_names(session: Session, given: Mapping[str, str | None], services: int, *, skip: bool) -> ChosenNames:
    """Ask for what was not given; raises ValidationError with every wrong name."""
    project = given["project"] or _ask(session, "Project", _to_name(Path.cwd().name) or DEFAULT_PROJECT, skip=skip)
    provider = given["provider"] or _ask(session, "Cloud (aws, azure)", DEFAULT_PROVIDER, skip=skip)
    component = given["component"] or ""
    if not component and services <= 1:
        component = _ask(session, "Name of the component", DEFAULT_COMPONENT, skip=skip)
    known = session.application.providers
    parts = {"project": project, "component": component or DEFAULT_COMPONENT}
    faults = [fault for part, name in parts.items() if (fault := find_part_fault(part, name))]
    if provider not in known:
        message = f"unknown provider '{make_printable(provider)}'"
        faults.append(Fault("provider", message, suggest_known(provider, known)))
    if component in RESERVED_COMPONENT_NAMES:
        faults.append(Fault("component", f"'{component}' is no name of a component", "Choose another one."))
    if faults:
        raise ValidationError("Cannot write a configuration.", faults=faults)
    return ChosenNames(project, provider, component)


def _to_name(text: str) -> str:
    """Return the text as a part of names: `My shop_2` is `my-shop-2`; empty where nothing of it can be one."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789")
    return words[:LONGEST_STACK_PART].rstrip("-")


def _require_folder(source: Path) -> None:
    if not source.is_dir():
        reason = "is not a folder" if source.exists() else "does not exist"
        fault = Fault("--source", f"'{make_printable(str(source), 200)}' {reason}", "Name the folder of the code.")
        raise ValidationError("Cannot look for a service.", faults=[fault])


def _ask(session: Session, question: str, default: str, *, skip: bool) -> str:
    """Return the typed answer; the default for an empty one, and where nobody can be asked."""
    if skip or session.json or not session.terminal.can_ask:
        return default
    return session.terminal.ask(f"{question} [{default}]: ") or default


def _name_components(component: str, found: Sequence[FoundService]) -> Mapping[str, FoundService | None]:
    """Return a component for each service: one alone has the name, several those of their folders."""
    if not found:
        return {component: None}
    components: dict[str, FoundService | None] = {component: found[0]} if component else {}
    for service in found[len(components) :]:
        is_here = service.folder.resolve() == Path.cwd().resolve()
        name = DEFAULT_COMPONENT if is_here else _to_name(service.folder.name) or DEFAULT_COMPONENT
        if name in (*RESERVED_COMPONENT_NAMES, *COMPONENT_TYPES) and name != DEFAULT_COMPONENT:
            name = f"{name}-api"
        numbered = (f"{name}-{number}" for number in count(2))
        components[name if name not in components else next(one for one in numbered if one not in components)] = service
    return components


def _describe_found(found: Sequence[FoundService], source: Path) -> list[str]:
    if not found:
        return [f"Found no service in '{source.resolve()}'; a small one that answers /health will be deployed."]
    return [
        f"Found {one.framework} in {os.path.relpath(one.folder / one.file)}: {_describe_start(one)}" for one in found
    ]


def _describe_start(service: FoundService) -> str:
    if service.option:
        return f"{service.option} {service.value}"
    return f"{len(service.handlers)} handlers"


def _check_and_answer(session: Session, chosen: ChosenNames, components: Mapping[str, FoundService | None]) -> None:
    warnings, faults = check_first_file(session)
    notes = [note for service in components.values() if service for note in service.notes]
    following = choose_next_command(components, faults, session.home_option)
    value = {
        "file": str(Path(STANDARD_FILE).absolute()),
        "project": chosen.project,
        "provider": chosen.provider,
        "components": {name: _to_dict(service) for name, service in components.items()},
        "notes": notes,
        "warnings": [warning.as_dict() for warning in warnings],
        "faults": [fault.as_dict() for fault in faults],
        "next": [following],
    }
    session.answer(value, [f"Wrote {STANDARD_FILE}."])
    if session.json:
        return
    session.terminal.print_remarks(*(f"Note: {note}" for note in notes), *format_warnings(warnings))
    if faults:
        session.terminal.print_remarks("Not ready yet:", *format_faults(faults))
    session.terminal.print_lines("Try next:", f"  {following}")


def _to_dict(service: FoundService | None) -> dict[str, Any]:
    if service is None:
        return {}
    start: dict[str, Any] = {"handlers": list(service.handlers)}
    if service.option:
        start = {service.option: service.value}
    optional = {"build": service.build, "runtime": service.runtime}
    return {
        "framework": service.framework,
        "source": os.path.relpath(service.folder),
        "file": service.file,
        **start,
        **{name: value for name, value in optional.items() if value},
    }

"""Finds every service below a folder, and what its component has to name."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from semantest_iac.domain.environments.runtimes import default_runtime
from semantest_iac.domain.ports.service_finder import FoundService
from semantest_iac.infrastructure.artifacts.builds.entry_points import REQUIREMENTS_FILE
from semantest_iac.infrastructure.artifacts.detection.node_services import NodeFindings, find_in_node
from semantest_iac.infrastructure.artifacts.detection.project_files import ProjectFiles, read_projects_below
from semantest_iac.infrastructure.artifacts.detection.python_services import (
    PythonApplication,
    PythonFindings,
    find_import_root,
    find_in_python,
    module_name,
    order_handlers,
)
from semantest_iac.infrastructure.artifacts.requirements.python_requirements import find_unread_requirements
from semantest_iac.infrastructure.function_runtimes.interpreters import find_python

MOST_HANDLERS = 20
_PYTHON_MINORS = range(11, 15)
_SET_BY_OTHERS = ("AWS_", "LAMBDA_", "AZURE_", "WEBSITE_", "FUNCTIONS_", "SEMANTEST_", "npm_")
_NOT_SETTINGS = frozenset({"PORT", "HOST", "NODE_ENV", "PATH", "HOME", "LOG_LEVEL", "DJANGO_SETTINGS_MODULE", "CI"})


def find_services(root: Path) -> tuple[FoundService, ...]:
    """Return the services of the folder and of the projects below it, by their folders; reads files only."""
    found = [service for project in read_projects_below(root) for service in _find_in_project(project)]
    return tuple(found)


def _find_in_project(project: ProjectFiles) -> Iterator[FoundService]:
    python, node = find_in_python(project.python), find_in_node(project.folder, project.node)
    if python.applications:
        yield _describe_application(project, python)
    if node.server:
        yield FoundService(
            folder=project.folder,
            framework=node.server.framework,
            file=node.server.entry,
            option="entry",
            value=node.server.entry,
            build=node.server.build,
            optional_variables=_own_settings(node.variables),
        )
    if not python.applications and not node.server:
        yield from _describe_handlers(project, python, node)


def _describe_application(project: ProjectFiles, found: PythonFindings) -> FoundService:
    best, *others = found.applications
    root = find_import_root(project.folder, best)
    source = project.folder / root
    file = best.file.removeprefix(f"{root}/") if root else best.file
    return FoundService(
        folder=source,
        framework=best.framework,
        file=file,
        option="app",
        value=f"{module_name(file)}:{best.attribute}",
        runtime=find_runtime_to_write(),
        variables=_own_settings(found.variables),
        optional_variables=_own_settings(found.optional_variables),
        notes=(*_requirement_notes(project, source, best), *_other_notes(best, others)),
    )


def find_runtime_to_write() -> str:
    """Return the runtime of functions that this machine can run too; empty for the default one."""
    usual = default_runtime("python")
    if find_python(usual.removeprefix("python")) or sys.version_info.minor not in _PYTHON_MINORS:
        return ""
    return f"python3.{sys.version_info.minor}"


def _requirement_notes(project: ProjectFiles, source: Path, application: PythonApplication) -> Iterator[str]:
    if (source / REQUIREMENTS_FILE).is_file():
        return
    if (project.folder / REQUIREMENTS_FILE).is_file():
        yield f"{REQUIREMENTS_FILE} is read from the source: move it to '{source.name}', whose modules are imported."
        return
    unread = find_unread_requirements(project.folder)
    yield from unread or [f"No {REQUIREMENTS_FILE} is there, which would install {application.framework}: write one."]


def _other_notes(best: PythonApplication, others: Iterable[PythonApplication]) -> Iterator[str]:
    """Yield a note on the other applications; ASGI and WSGI of one Django project are the same."""
    distinct = [one for one in others if one.is_factory is best.is_factory and one.framework != "Django"]
    names = [f"{module_name(other.file)}:{other.attribute}" for other in distinct]
    if names:
        yield f"Other applications are there too: {', '.join(names[:5])}."


def _describe_handlers(project: ProjectFiles, python: PythonFindings, node: NodeFindings) -> Iterator[FoundService]:
    """Yield the handlers of one language; one alone answers every route."""
    is_node = len(node.handlers) > len(python.handlers)
    handlers = tuple(order_handlers(node.handlers if is_node else python.handlers)[:MOST_HANDLERS])
    if not handlers:
        return
    stem = handlers[0].rpartition(".")[0]
    files = project.node if is_node else project.python
    yield FoundService(
        folder=project.folder,
        framework="Node handler" if is_node else "Python handler",
        file=next(name for name in files if str(PurePosixPath(name).with_suffix("")) == stem),
        option="handler" if len(handlers) == 1 else "",
        value=handlers[0],
        handlers=handlers if len(handlers) > 1 else (),
        runtime="" if is_node else find_runtime_to_write(),
        variables=() if is_node else _own_settings(python.variables),
        optional_variables=_own_settings(node.variables if is_node else python.optional_variables),
    )


def _own_settings(names: Iterable[str]) -> tuple[str, ...]:
    """Return the variables that a configuration would set."""
    return tuple(name for name in names if name not in _NOT_SETTINGS and not name.startswith(_SET_BY_OTHERS))

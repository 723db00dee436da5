"""Validation rules for an ASGI or WSGI application (`app`), which answers requests in place of a handler."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, refuse
from semantest_iac.domain.environments.sections import ComponentSection, FunctionSection

_APPLICATION = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):[^\W\d]\w*(\.[^\W\d]\w*)*(\(\))?")

_EDITABLE = re.compile(r"^(-e|--editable)[\s=]\s*")
_PATH = re.compile(r"\.|/|file:|[\w.-]+/")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_FRAMEWORKS = {
    "django": "Django",
    "fastapi": "FastAPI",
    "flask": "Flask",
    "starlette": "Starlette",
    "litestar": "Litestar",
    "quart": "Quart",
    "falcon": "Falcon",
    "bottle": "Bottle",
}
"""Frameworks by the normalized names of their projects."""
_USUAL_NAMES = {"Django": "project.wsgi:application"}


def check_application(subject: RuleSubject) -> Iterator[Finding]:
    """An ASGI or WSGI application is `module:attribute` of a folder in Python, in place of a handler."""
    section = subject.section
    yield from _check_named_application("app", section.app, section, section)
    for name, function in section.functions.items():
        yield from _check_named_application(f"functions.{name}.app", function.app, function, section)


def _check_named_application(
    path: str, app: str | None, owner: ComponentSection | FunctionSection, section: ComponentSection
) -> Iterator[Finding]:
    if app is None:
        return
    if application_module(app) is None:
        hint = "Such as main:app or project.wsgi:application; main:create_app() calls a function that makes it."
        yield refuse(path, f"'{make_printable(app)}' is not an application", hint)
    others = [key for key in ("entry", "handler") if getattr(owner, key, None) is not None]
    if others:
        reason = f"there is {' and '.join(others)} too, and only one of them can answer requests"
        yield refuse(path, reason, "Leave out one or the other.")
    runtime = owner.runtime or section.runtime
    if runtime is not None and runtime.startswith("nodejs"):
        what = "name a handler in Node" if owner is not section else "name the entry of a Node server"
        reason = f"{make_printable(runtime)} runs no ASGI or WSGI application"
        yield refuse(path, reason, f"Choose a Python runtime, or {what}.")
    if section.source is None or section.source.endswith(".zip"):
        reason = "a zip is deployed as it is" if section.source else "there is no source, which would hold it"
        yield refuse(path, reason, "Name the folder of its code as source.")


def application_module(app: str) -> str | None:
    """Return the module of an application that is written `module:attribute`; None if it is written otherwise."""
    match = _APPLICATION.fullmatch(app)
    return match["module"] if match and not match["module"].endswith(".py") else None  # main.py:app names a file


def module_files(module: str) -> tuple[str, str]:
    """Return the relative paths of which one must exist for a module to be imported."""
    path = module.replace(".", "/")
    return f"{path}.py", f"{path}/__init__.py"


def read_projects(requirements: str) -> frozenset[str]:
    """Return the projects that the text of a requirements file asks for, by name or by path."""
    lines = (line.strip() for line in requirements.splitlines())
    found = (_EDITABLE.sub("", line) for line in lines)
    return frozenset(read_project_name(line) for line in found if line and line[0] not in "#-")


def read_project_name(line: str) -> str:
    """Return the name of the project that a requirement asks for, normalized as in PEP 503, or its path."""
    if _PATH.match(line):
        return f"./{line}"
    match = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else line


def suggest_application(projects: Set[str]) -> str:
    """Return what to write for a source that requires a framework; empty without one."""
    framework = next((title for name, title in _FRAMEWORKS.items() if name in projects), "")
    usual = _USUAL_NAMES.get(framework, "main:app")
    return f"Name the application of {framework}: app, such as {usual}." if framework else ""

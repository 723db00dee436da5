"""How the name of a stack is written: four parts, or five where its project is not the default one."""

from __future__ import annotations

DEFAULT_PROJECT = "semantest"
STACK_SEPARATOR = "."  # no part may hold it, so that ("a-b", "c") and ("a", "b-c") differ
STACK_NAME_FORM = "component.provider.environment.region"
_PARTS = 5


def format_stack_name(project: str, component: str, provider: str, environment: str, region: str) -> str:
    """Return `rest-api.aws.staging.us-east-1`, preceded by the project if it is not the default one."""
    parts = (component, provider, environment, region)
    return STACK_SEPARATOR.join(parts if project == DEFAULT_PROJECT else (project, *parts))


def split_stack_name(name: str) -> tuple[str, str, str, str, str]:
    """Return project, component, provider, environment and region; raises ValueError for another number of parts.

    A name of four parts is of the default project.
    """
    parts = name.split(STACK_SEPARATOR)
    if len(parts) == _PARTS - 1:
        parts = [DEFAULT_PROJECT, *parts]
    if len(parts) != _PARTS:
        raise ValueError(f"a stack's name has the form {STACK_NAME_FORM}")
    project, component, provider, environment, region = parts
    return project, component, provider, environment, region

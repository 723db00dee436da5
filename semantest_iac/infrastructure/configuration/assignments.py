"""Single values from outside the files: `SEMANTEST_*` variables, `--set` and the options of the command line.

In `SEMANTEST_COMPONENTS__REST_API__MEMORY` two underscores part the steps; names of components get their hyphens
back, and names of a component's own variables keep their case. Values are plain text or, where they start with a
bracket, brace or quote, YAML in flow form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.domain.environments.names import nearest, shown
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import Layer, Path, Place, fault_at, nested
from semantest_iac.infrastructure.configuration.scalars import is_variable, scalar
from semantest_iac.infrastructure.configuration.yaml_text import parse_value

PREFIX = "SEMANTEST_"
STEP = "__"
SET = Place("--set")
DEEPEST = 12

_FLOW = ("[", "{", "'", '"')
_KEY = re.compile(r"[A-Za-z0-9_-]+")


def from_variables(variables: Mapping[str, str], place_of: Mapping[str, Place]) -> Iterator[Layer]:
    """One layer per variable that is a setting; empty ones count as not set."""
    for name in sorted(variables):
        if _is_setting(name) and variables[name]:
            yield _assigned(_path_of(name), variables[name], place_of.get(name, Place(f"${name}")))


def stray_variables(variables: Iterable[str]) -> Iterator[Fault]:
    """Variables that look like settings and are none; a warning each."""
    for name in sorted(variables):
        if name.startswith(PREFIX) and STEP in name and not _is_setting(name):
            meant = nearest(_head(name), Configuration.model_fields)
            hint = f"Did you mean '{PREFIX}{meant.upper()}{STEP}…'?" if meant else ""
            yield Fault(shown(name), "not a setting; ignored", hint)


def from_overrides(overrides: Iterable[str]) -> Iterator[Layer]:
    """One layer per `key.path=value`; the text of a bad one is not repeated beyond its key."""
    for override in overrides:
        key, equals, value = override.partition("=")
        path = tuple(key.strip().split("."))
        if not equals:
            yield _refused("has no '='", key)
        elif len(path) > DEEPEST or not all(_KEY.fullmatch(step) for step in path):
            yield _refused("is not a path", key)
        else:
            yield _assigned(path, value, SET)


def from_options(options: Mapping[str, str | None]) -> Iterator[Layer]:
    """One layer per option of the command line that was given."""
    for name, value in options.items():
        if value is not None:
            yield nested((name,), value, Place(f"--{name}"))


def _is_setting(name: str) -> bool:
    return name.startswith(PREFIX) and name == name.upper() and _head(name) in Configuration.model_fields


def _head(name: str) -> str:
    return name.removeprefix(PREFIX).split(STEP)[0].lower()


def _path_of(name: str) -> Path:
    steps = name.removeprefix(PREFIX).split(STEP)
    path = [step.lower() for step in steps]
    if path[0] == "components" and len(path) > 1:
        path[1] = path[1].replace("_", "-")
    return (*path[:3], *steps[3:]) if is_variable(tuple(path)) else tuple(path)


def _assigned(path: Path, value: str, place: Place) -> Layer:
    if is_variable(path):
        return nested(path, value, place)
    text = value.strip()
    if text.startswith(_FLOW):
        return parse_value(text, path, place)
    return nested(path, scalar(text, path), place)


def _refused(reason: str, key: str) -> Layer:
    hint = "Such as --set components.rest-api.memory=1024."
    return Layer(faults=(fault_at(SET, "--set", f"'{shown(key)}' {reason}", hint),))

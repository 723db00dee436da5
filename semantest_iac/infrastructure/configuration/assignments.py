"""Turns `SEMANTEST_*` variables, `--set` and command-line options into configuration layers.

In `SEMANTEST_COMPONENTS__REST_API__MEMORY` two underscores separate the keys; names of components and environments get
their hyphens back, and names of a component's own variables and of tags keep their case. Values are plain text or, if
they start with a bracket, brace or quote, YAML in flow form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.names import find_nearest, make_printable, secret_variable_name
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import (
    ConfigurationLayer,
    KeyPath,
    SourcePosition,
    fault_at,
    single_value_layer,
)
from semantest_iac.infrastructure.configuration.yaml_text import is_text_path, parse_scalar, parse_yaml_value

VARIABLE_PREFIX = "SEMANTEST_"
VARIABLE_SEPARATOR = "__"
_OTHER_NAMES = (
    "ARTIFACTS_URL", "HOME", "LEDGER_URL", "POLICY_PACKS", "PULUMI", "REQUEST_LIMIT",
    "STATE_PASSPHRASE_FILE", "STATE_SECRETS_PROVIDER", "STATE_URL",
)  # fmt: skip
OTHER_VARIABLES = frozenset(f"{VARIABLE_PREFIX}{name}" for name in _OTHER_NAMES)
"""Variables that are read elsewhere: where things are, what judges plans, how many requests events may make."""
SET_OPTION = SourcePosition("--set")
MAX_OVERRIDE_DEPTH = 12
_OPTION_NAMES = {"environment": "--env"}  # as people type them

_SECRET_PREFIX = secret_variable_name("")
_FLOW_STARTS = ("[", "{", "'", '"')
_KEY = re.compile(r"[A-Za-z0-9_-]+")


def layers_from_variables(
    variables: Mapping[str, str], positions: Mapping[str, SourcePosition]
) -> Iterator[ConfigurationLayer]:
    """Yield one layer per variable that is a setting; empty ones count as not set."""
    for name in sorted(variables):
        if _is_setting(name) and variables[name]:
            yield _assignment_layer(
                _variable_path(name), variables[name], positions.get(name, SourcePosition(f"${name}"))
            )


def find_unknown_variables(variables: Iterable[str]) -> Iterator[Fault]:
    """Yield a warning for each variable that has the prefix of settings and is none, with the nearest that is one."""
    for name in sorted(variables):
        if name.startswith(VARIABLE_PREFIX) and not _is_setting(name) and not _has_other_use(name):
            nearest = _suggest_variable(name)
            hint = f"Did you mean '{nearest}'?" if nearest else ""
            yield Fault(make_printable(name), "not a setting; ignored", hint)


def _has_other_use(name: str) -> bool:
    return name in OTHER_VARIABLES or (name.startswith(_SECRET_PREFIX) and name != _SECRET_PREFIX)


def _suggest_variable(name: str) -> str:
    rest = name.upper().removeprefix(VARIABLE_PREFIX)
    if VARIABLE_SEPARATOR in rest:
        nearest = find_nearest(_top_level_key(name), DeploymentConfiguration.model_fields)
        return f"{VARIABLE_PREFIX}{nearest.upper()}{VARIABLE_SEPARATOR}…" if nearest else ""
    first, underscore, secret = rest.partition("_")
    if underscore and find_nearest(first, ["secret"]):
        return f"{_SECRET_PREFIX}{secret}"
    others = (other.removeprefix(VARIABLE_PREFIX).lower() for other in OTHER_VARIABLES)
    nearest = find_nearest(rest, [*DeploymentConfiguration.model_fields, *others])
    return f"{VARIABLE_PREFIX}{nearest.upper()}" if nearest else ""


def layers_from_overrides(overrides: Iterable[str]) -> Iterator[ConfigurationLayer]:
    """Yield one layer per `key.path=value`; faults repeat only the key, because the value may be secret."""
    for override in overrides:
        key, equals, value = override.partition("=")
        path = tuple(key.strip().split("."))
        if not equals:
            yield _faulty_override_layer("has no '='", key)
        elif len(path) > MAX_OVERRIDE_DEPTH or not all(_KEY.fullmatch(step) for step in path):
            yield _faulty_override_layer("is not a path", key)
        else:
            yield _assignment_layer(path, value, SET_OPTION)


def layers_from_options(options: Mapping[str, str | None]) -> Iterator[ConfigurationLayer]:
    """Yield one layer per command-line option that was given."""
    for name, value in options.items():
        if value is not None:
            yield single_value_layer((name,), value, SourcePosition(_OPTION_NAMES.get(name, f"--{name}")))


def _is_setting(name: str) -> bool:
    return (
        name.startswith(VARIABLE_PREFIX)
        and name == name.upper()
        and _top_level_key(name) in DeploymentConfiguration.model_fields
    )


def _top_level_key(name: str) -> str:
    return name.removeprefix(VARIABLE_PREFIX).split(VARIABLE_SEPARATOR)[0].lower()


def _variable_path(name: str) -> KeyPath:
    steps = name.removeprefix(VARIABLE_PREFIX).split(VARIABLE_SEPARATOR)
    path = [step.lower() for step in steps]
    start = 2 if path[0] == "environments" else 0
    places = [1] if start else []
    if path[start : start + 1] == ["components"]:
        places += [start + 1, *([start + 3] if path[start + 2 : start + 3] == ["functions"] else [])]
    for place in places:  # names of environments, components and functions
        path[place : place + 1] = [step.replace("_", "-") for step in path[place : place + 1]]
    return (*path[:-1], steps[-1]) if is_text_path(tuple(path)) else tuple(path)


def _assignment_layer(path: KeyPath, value: str, position: SourcePosition) -> ConfigurationLayer:
    if is_text_path(path):
        return single_value_layer(path, value, position)
    text = value.strip()
    if text.startswith(_FLOW_STARTS):
        return parse_yaml_value(text, path, position)
    return single_value_layer(path, parse_scalar(text, path), position)


def _faulty_override_layer(reason: str, key: str) -> ConfigurationLayer:
    hint = "Write it as --set components.rest-api.memory=1024."
    return ConfigurationLayer(faults=(fault_at(SET_OPTION, "--set", f"'{make_printable(key)}' {reason}", hint),))

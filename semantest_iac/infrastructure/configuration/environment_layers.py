"""Finds the selected environment, the environments that it extends, and the layers that only these have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.environments.configuration import find_environment_faults
from semantest_iac.domain.environments.names import (
    DEFAULT_ENVIRONMENT,
    ENVIRONMENTS,
    canonical_environment,
    is_stack_part,
    list_extended_environments,
)
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import (
    ConfigurationLayer,
    ConfigurationValues,
    drop_nulls,
    locate_faults,
)
from semantest_iac.infrastructure.configuration.schema import validate_values

ENVIRONMENTS_KEY = "environments"
_REFERENCE_START = "${env."


@dataclass(frozen=True, slots=True)
class DefinedEnvironments:
    """What each environment of the file's own extends, and what is written for it and for built-in ones.

    One whose definition has a fault extends the default, so that the rest can be validated as well.
    """

    extends: Mapping[str, str]
    layers: Mapping[str, ConfigurationLayer]
    faults: tuple[Fault, ...] = ()

    def chain(self, environment: str) -> tuple[str, ...]:
        """Return the environment and those that it extends."""
        return list_extended_environments(environment, self.extends)

    def knows(self, environment: str) -> bool:
        return environment in ENVIRONMENTS or environment in self.extends

    def with_recorded(self, find_recorded: Callable[[], Mapping[str, str]]) -> DefinedEnvironments:
        """Return the environments together with those that only the ledger knows."""
        return DefinedEnvironments({**find_recorded(), **self.extends}, self.layers, self.faults)


def read_environments(merged: ConfigurationLayer) -> DefinedEnvironments:
    """Read the environments of all sources that need no environment to be read."""
    written = merged.values.get(ENVIRONMENTS_KEY)
    if not isinstance(written, dict):
        wrong = validate_values({ENVIRONMENTS_KEY: written}).faults if written is not None else ()
        return DefinedEnvironments({}, {}, locate_faults(wrong, merged.positions))
    sections = {name: {} if section is None else section for name, section in written.items()}
    checked = drop_nulls(_drop_variable_references(sections))
    _, shape_faults, valid = validate_values({ENVIRONMENTS_KEY: checked})
    sound = _drop_invalid(sections, checked, valid.get(ENVIRONMENTS_KEY, {}))
    bases = {name: _read_base(section) for name, section in sound.items()}
    faults = locate_faults((*shape_faults, *find_environment_faults(bases)), merged.positions)
    own = {name: base or DEFAULT_ENVIRONMENT for name, base in bases.items() if _is_own_name(name)}
    extends = {name: base if _ends_built_in(name, own) else DEFAULT_ENVIRONMENT for name, base in own.items()}
    layers = {name: _section_layer(name, section, merged) for name, section in sound.items()}
    return DefinedEnvironments(extends, layers, faults)


def _is_own_name(name: str) -> bool:
    return is_stack_part(name) and name not in ENVIRONMENTS and canonical_environment(name) == name


def _ends_built_in(name: str, own: Mapping[str, str]) -> bool:
    return list_extended_environments(name, own)[-1] in ENVIRONMENTS


def _read_base(section: ConfigurationValues) -> str | None:
    written = section.get("extends")
    return canonical_environment(written) if isinstance(written, str) else None


def _section_layer(name: str, section: ConfigurationValues, merged: ConfigurationLayer) -> ConfigurationLayer:
    """Return what is written for one environment as if it stood at the top of a file."""
    prefix = f"{ENVIRONMENTS_KEY}.{name}."
    positions = {path.removeprefix(prefix): at for path, at in merged.positions.items() if path.startswith(prefix)}
    return ConfigurationLayer({key: value for key, value in section.items() if key != "extends"}, positions)


def _drop_variable_references(values: ConfigurationValues) -> ConfigurationValues:
    """Return the values without those that refer to variables, which only the selected environment needs."""
    return {
        key: _drop_variable_references(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if isinstance(value, dict) or not any(_REFERENCE_START in text for text in _texts_of(value))
    }


def _texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for below in inner:
        yield from _texts_of(below)


def _drop_invalid(
    written: ConfigurationValues, checked: ConfigurationValues, valid: ConfigurationValues
) -> ConfigurationValues:
    """Return what was written without what was checked and is not valid."""
    kept = ((key, value) for key, value in written.items() if key in valid or key not in checked)
    return {
        key: _drop_invalid(value, checked.get(key, {}), valid.get(key, {})) if isinstance(value, dict) else value
        for key, value in kept
    }

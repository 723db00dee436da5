"""Reads the component, settings and secrets of a Pulumi stack from its name and configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.names import make_printable, secret_variable_name, suggest_known
from semantest_iac.domain.errors import ConfigurationError, Fault

CONFIG_NAMESPACE = "semantest"
_STACK_NAME_PARTS = ("component", "provider", "environment", "region")  # of a full stack name
# Pulumi is the engine, on the real cloud, and the stack's name says which environment.
_SETTING_KEYS = tuple(
    name for name in DeploymentConfiguration.model_fields if name not in {"environment", "engine", "cloud"}
)
_KNOWN_KEYS = ("component", "config", "generation", "secrets", *_SETTING_KEYS)
_SET_SECRET_COMMAND = f"pulumi config set --secret --path {CONFIG_NAMESPACE}:secrets.NAME"


class PulumiStackConfig(Protocol):
    """What Pulumi says: the stack's name, and its configuration in our namespace."""

    @property
    def stack(self) -> str:
        """The name, without organisation and project."""
        ...

    @property
    def config(self) -> Mapping[str, str]:
        """Values by key without the namespace; objects are JSON."""
        ...

    @property
    def secret_keys(self) -> Collection[str]:
        """The keys whose values are kept encrypted."""
        ...


@dataclass(frozen=True, slots=True)
class ProgramInputs:
    """`sources` are those of a configuration; secrets are in its variables."""

    component: str | None
    generation: int
    sources: Mapping[str, Any] = field(repr=False)


def read_program_inputs(told: PulumiStackConfig, variables: Mapping[str, str]) -> ProgramInputs:
    """What is asked for; raises ConfigurationError with every fault of the keys. Values are judged later."""
    faults = [*_unknown_key_faults(told), *_contradiction_faults(told), *_misplaced_secret_faults(told)]
    words = {**{name: told.config.get(name) for name in _STACK_NAME_PARTS}, **_parse_stack_name(told.stack)}
    settings = {name: _parse_value(told.config[name]) for name in _SETTING_KEYS if name in told.config}
    file = told.config.get("config")
    found = ProgramInputs(
        component=words.pop("component"),
        generation=_read_generation(told, faults),
        sources={
            "file": Path(file) if file else None,
            "environ": {**variables, **_read_secrets(told, faults)},
            "values": {**settings, **{name: word for name, word in words.items() if word is not None}},
        },
    )
    if faults:
        raise ConfigurationError(
            f"Cannot read the configuration of stack '{make_printable(told.stack)}'.", faults=faults
        )
    return found


def _parse_stack_name(stack: str) -> dict[str, str]:
    """The words in a stack's name: all four of them, or the environment."""
    parts = stack.split(".")
    return (
        dict(zip(_STACK_NAME_PARTS, parts, strict=True))
        if len(parts) == len(_STACK_NAME_PARTS)
        else {"environment": stack}
    )


def _unknown_key_faults(told: PulumiStackConfig) -> Iterator[Fault]:
    for key in told.config:
        if key not in _KNOWN_KEYS:
            yield Fault(f"{CONFIG_NAMESPACE}:{make_printable(key)}", "unknown key", suggest_known(key, _KNOWN_KEYS))


def _contradiction_faults(told: PulumiStackConfig) -> Iterator[Fault]:
    for name, word in _parse_stack_name(told.stack).items():
        given = told.config.get(name, word)
        if given != word and name in _KNOWN_KEYS:
            hint = "Leave the key out, or name the stack after the environment alone."
            yield Fault(f"{CONFIG_NAMESPACE}:{name}", f"'{make_printable(given)}' contradicts the stack's name", hint)


def _misplaced_secret_faults(told: PulumiStackConfig) -> Iterator[Fault]:
    """A secret outside `secrets` would lie open in the state, as what it is written into."""
    for key in told.secret_keys:
        if key != "secrets":
            hint = f"Write ${{secrets.NAME}} there, and: {_SET_SECRET_COMMAND}"
            yield Fault(f"{CONFIG_NAMESPACE}:{make_printable(key)}", "holds a secret", hint)
    if "secrets" in told.config and "secrets" not in told.secret_keys:
        yield Fault(f"{CONFIG_NAMESPACE}:secrets", "is kept in the clear", f"Remove it, then: {_SET_SECRET_COMMAND}")


def _read_generation(told: PulumiStackConfig, faults: list[Fault]) -> int:
    text = told.config.get("generation", "1")
    if re.fullmatch("[1-9][0-9]{0,5}", text):
        return int(text)
    faults.append(Fault(f"{CONFIG_NAMESPACE}:generation", f"'{make_printable(text)}' is not a number from 1"))
    return 1


def _read_secrets(told: PulumiStackConfig, faults: list[Fault]) -> dict[str, str]:
    """As variables, because that is where secrets are looked for."""
    values = _parse_value(told.config.get("secrets", "{}"))
    if isinstance(values, dict):
        return {secret_variable_name(name): str(value) for name, value in values.items()}
    faults.append(Fault(f"{CONFIG_NAMESPACE}:secrets", "does not name its secrets", f"Set each: {_SET_SECRET_COMMAND}"))
    return {}


def _parse_value(text: str) -> Any:
    """An object where there is one; what else is written is judged as text."""
    try:
        return json.loads(text) if text.startswith("{") else text
    except ValueError:
        return text

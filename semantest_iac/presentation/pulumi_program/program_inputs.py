"""Reads the component, settings and secrets of a Pulumi stack from its name and configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.names import (
    PLATFORM_TYPE,
    CloudProvider,
    make_printable,
    secret_variable_name,
    suggest_known,
)
from semantest_iac.domain.errors import ConfigurationError, Fault
from semantest_iac_events.stack_names import split_stack_name

CONFIG_NAMESPACE = "semantest"
_STACK_NAME_PARTS = ("project", "component", "provider", "environment", "region")
# The stack's name gives the environment; engine and cloud are always Pulumi and the real cloud.
_SETTING_KEYS = tuple(
    name for name in DeploymentConfiguration.model_fields if name not in {"environment", "engine", "cloud"}
)
_KNOWN_KEYS = ("component", "config", "generation", "location", "owner", "secrets", *_SETTING_KEYS)
_PLATFORM_REGIONS = {CloudProvider.AZURE.value: "westus2"}  # where the plan of the platform has its environments
FindProvider = Callable[[str], str | None]
"""Returns the only cloud that has a region of this name."""
_SET_SECRET_COMMAND = f"pulumi config set --secret --path {CONFIG_NAMESPACE}:secrets.NAME"


class PulumiStackConfig(Protocol):
    """The name of a Pulumi stack and its configuration in the namespace of the project."""

    @property
    def stack(self) -> str:
        """The stack's name, without organisation and project."""
        ...

    @property
    def config(self) -> Mapping[str, str]:
        """The values by key, without the namespace; objects are JSON."""
        ...

    @property
    def project_config(self) -> Mapping[str, str]:
        """The values by key of the namespace that Pulumi gives to keys without one."""
        ...

    @property
    def secret_keys(self) -> Collection[str]:
        """The keys whose values Pulumi encrypts."""
        ...


@dataclass(frozen=True, slots=True)
class ProgramInputs:
    """What a Pulumi stack asks to deploy; `sources` are keywords of `Application.configuration`, secrets included."""

    component: str | None
    generation: int
    sources: Mapping[str, Any] = field(repr=False)


def read_program_inputs(
    host: PulumiStackConfig, variables: Mapping[str, str], find_provider: FindProvider
) -> ProgramInputs:
    """Read the inputs; raises ConfigurationError with every fault of the keys. Values are validated later.

    A stack that is named after its environment and names no component is the platform.
    """
    config = {**host.project_config, **host.config}
    faults = [
        *_unknown_key_faults(host),
        *_contradiction_faults(host, config),
        *_misplaced_secret_faults(host, config),
    ]
    named = _parse_stack_name(host.stack)
    parts = {**{name: config.get(name) for name in _STACK_NAME_PARTS}, **named}
    parts["region"] = parts["region"] or config.get("location")
    if parts["component"] is None:
        parts |= {
            "component": PLATFORM_TYPE,
            **_choose_platform_place(parts["provider"], parts["region"], find_provider),
        }
    settings = {name: _parse_object_or_text(config[name]) for name in _SETTING_KEYS if name in config}
    if "owner" in config:
        written = settings.get("tags", {})
        settings["tags"] = {"Owner": config["owner"], **written} if isinstance(written, dict) else written
    file = config.get("config")
    inputs = ProgramInputs(
        component=parts.pop("component"),
        generation=_read_generation(config, faults),
        sources={
            "file": Path(file) if file else None,
            "environ": {**variables, **_read_secret_variables(config, faults)},
            "values": {**settings, **{name: value for name, value in parts.items() if value is not None}},
        },
    )
    if faults:
        raise ConfigurationError(
            f"Cannot read the configuration of stack '{make_printable(host.stack)}'.", faults=faults
        )
    return inputs


def _parse_stack_name(stack: str) -> dict[str, str]:
    """Return all parts of a stack's name, without the project where it has none; or the environment it is named for."""
    try:
        parts = split_stack_name(stack)
    except ValueError:
        return {"environment": stack}
    named = dict(zip(_STACK_NAME_PARTS, parts, strict=True))
    return named if stack == ".".join(parts) else {part: value for part, value in named.items() if part != "project"}


def _choose_platform_place(
    provider: str | None, region: str | None, find_provider: FindProvider
) -> dict[str, str | None]:
    """Return the cloud that a region belongs to, and the region that the plan has on a cloud; None decides nothing."""
    if region is not None:
        return {"provider": provider or find_provider(region)}
    return {"region": _PLATFORM_REGIONS.get(provider or "")}


def _unknown_key_faults(host: PulumiStackConfig) -> Iterator[Fault]:
    for key in (*host.config, *(it for it in host.project_config if it not in host.config)):
        if key not in _KNOWN_KEYS:
            yield Fault(f"{CONFIG_NAMESPACE}:{make_printable(key)}", "unknown key", suggest_known(key, _KNOWN_KEYS))


def _contradiction_faults(host: PulumiStackConfig, config: Mapping[str, str]) -> Iterator[Fault]:
    for key in sorted(host.config.keys() & host.project_config.keys()):
        if host.config[key] != host.project_config[key]:
            message = "is set with and without the namespace, to different values"
            yield Fault(f"{CONFIG_NAMESPACE}:{make_printable(key)}", message, f"Remove one: pulumi config rm {key}")
    named = _parse_stack_name(host.stack)
    region = named.get("region", config.get("region"))
    if region is not None and config.get("location", region) != region:
        message = f"'{make_printable(config['location'])}' contradicts the region '{make_printable(region)}'"
        yield Fault(f"{CONFIG_NAMESPACE}:location", message, "Remove one of the two: they mean the same.")
    for name, value in named.items():
        configured = config.get(name, value)
        if configured != value and name in _KNOWN_KEYS:
            message = f"'{make_printable(configured)}' contradicts the stack's name"
            hint = "Remove the key, or name the stack only after the environment."
            yield Fault(f"{CONFIG_NAMESPACE}:{name}", message, hint)


def _misplaced_secret_faults(host: PulumiStackConfig, config: Mapping[str, str]) -> Iterator[Fault]:
    """Only `secrets` may hold secrets: other values reach the state unencrypted."""
    for key in host.secret_keys:
        if key != "secrets":
            hint = f"Write ${{secrets.NAME}} there, and run: {_SET_SECRET_COMMAND}"
            yield Fault(f"{CONFIG_NAMESPACE}:{make_printable(key)}", "holds a secret", hint)
    if "secrets" in config and "secrets" not in host.secret_keys:
        yield Fault(f"{CONFIG_NAMESPACE}:secrets", "is not encrypted", f"Remove it, then run: {_SET_SECRET_COMMAND}")


def _read_generation(config: Mapping[str, str], faults: list[Fault]) -> int:
    text = config.get("generation", "1")
    if re.fullmatch("[1-9][0-9]{0,5}", text):
        return int(text)
    faults.append(Fault(f"{CONFIG_NAMESPACE}:generation", f"'{make_printable(text)}' is not a number from 1 to 999999"))
    return 1


def _read_secret_variables(config: Mapping[str, str], faults: list[Fault]) -> dict[str, str]:
    """Return the secrets as the environment variables that the secret store reads."""
    values = _parse_object_or_text(config.get("secrets", "{}"))
    if isinstance(values, dict):
        return {secret_variable_name(name): str(value) for name, value in values.items()}
    faults.append(
        Fault(
            f"{CONFIG_NAMESPACE}:secrets", "is not a map of names and values", f"Set each secret: {_SET_SECRET_COMMAND}"
        )
    )
    return {}


def _parse_object_or_text(text: str) -> Any:
    """Return the object in a JSON text, else the text."""
    try:
        return json.loads(text) if text.startswith("{") else text
    except ValueError:
        return text

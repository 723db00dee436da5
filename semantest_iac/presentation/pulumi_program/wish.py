"""What the name and the configuration of a Pulumi stack ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.domain.environments.names import secret_variable, shown, suggestion
from semantest_iac.domain.errors import ConfigurationError, Fault

NAMESPACE = "semantest"
_PARTS = ("component", "provider", "environment", "region")  # of a full stack name
# Pulumi is the engine, on the real cloud, and the stack's name says which environment.
_SETTINGS = tuple(name for name in Configuration.model_fields if name not in {"environment", "engine", "cloud"})
_KEYS = ("component", "config", "generation", "secrets", *_SETTINGS)
_SET_SECRET = f"pulumi config set --secret --path {NAMESPACE}:secrets.NAME"


class Told(Protocol):
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
    def secret(self) -> Collection[str]:
        """The keys whose values are kept encrypted."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """`sources` are those of a configuration; secrets are in its variables."""

    component: str | None
    generation: int
    sources: Mapping[str, Any] = field(repr=False)


def wish(told: Told, variables: Mapping[str, str]) -> Wish:
    """What is asked for; raises ConfigurationError with every fault of the keys. Values are judged later."""
    faults = [*_unknown(told), *_contradictions(told), *_misplaced(told)]
    words = {**{name: told.config.get(name) for name in _PARTS}, **_named(told.stack)}
    settings = {name: _value(told.config[name]) for name in _SETTINGS if name in told.config}
    file = told.config.get("config")
    found = Wish(
        component=words.pop("component"),
        generation=_generation(told, faults),
        sources={
            "file": Path(file) if file else None,
            "environ": {**variables, **_secrets(told, faults)},
            "values": {**settings, **{name: word for name, word in words.items() if word is not None}},
        },
    )
    if faults:
        raise ConfigurationError(f"Cannot read the configuration of stack '{shown(told.stack)}'.", faults=faults)
    return found


def _named(stack: str) -> dict[str, str]:
    """The words in a stack's name: all four of them, or the environment."""
    parts = stack.split(".")
    return dict(zip(_PARTS, parts, strict=True)) if len(parts) == len(_PARTS) else {"environment": stack}


def _unknown(told: Told) -> Iterator[Fault]:
    for key in told.config:
        if key not in _KEYS:
            yield Fault(f"{NAMESPACE}:{shown(key)}", "unknown key", suggestion(key, _KEYS))


def _contradictions(told: Told) -> Iterator[Fault]:
    for name, word in _named(told.stack).items():
        given = told.config.get(name, word)
        if given != word and name in _KEYS:
            hint = "Leave the key out, or name the stack after the environment alone."
            yield Fault(f"{NAMESPACE}:{name}", f"'{shown(given)}' contradicts the stack's name", hint)


def _misplaced(told: Told) -> Iterator[Fault]:
    """A secret outside `secrets` would lie open in the state, as what it is written into."""
    for key in told.secret:
        if key != "secrets":
            hint = f"Write ${{secrets.NAME}} there, and: {_SET_SECRET}"
            yield Fault(f"{NAMESPACE}:{shown(key)}", "holds a secret", hint)
    if "secrets" in told.config and "secrets" not in told.secret:
        yield Fault(f"{NAMESPACE}:secrets", "is kept in the clear", f"Remove it, then: {_SET_SECRET}")


def _generation(told: Told, faults: list[Fault]) -> int:
    text = told.config.get("generation", "1")
    if re.fullmatch("[1-9][0-9]{0,5}", text):
        return int(text)
    faults.append(Fault(f"{NAMESPACE}:generation", f"'{shown(text)}' is not a number from 1"))
    return 1


def _secrets(told: Told, faults: list[Fault]) -> dict[str, str]:
    """As variables, because that is where secrets are looked for."""
    values = _value(told.config.get("secrets", "{}"))
    if isinstance(values, dict):
        return {secret_variable(name): str(value) for name, value in values.items()}
    faults.append(Fault(f"{NAMESPACE}:secrets", "does not name its secrets", f"Set each: {_SET_SECRET}"))
    return {}


def _value(text: str) -> Any:
    """An object where there is one; what else is written is judged as text."""
    try:
        return json.loads(text) if text.startswith("{") else text
    except ValueError:
        return text

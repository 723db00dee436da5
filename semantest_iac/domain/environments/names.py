"""The names of environments, providers, components and regions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Environment(StrEnum):
    """The environments that have settings of their own."""

    DEVELOPMENT = "development"
    QA = "qa"
    STAGING = "staging"
    PRODUCTION = "production"


class CloudProvider(StrEnum):
    """The clouds of this distribution; other distributions add clouds by name."""

    AWS = "aws"
    AZURE = "azure"


ENVIRONMENTS = tuple(environment.value for environment in Environment)
PROVIDERS = tuple(provider.value for provider in CloudProvider)
SERVICE_TYPES = ("rest-api", "websocket")  # components that run code and answer requests from outside
LAYER_TYPES = (
    *("network", "security", "observability", "database", "messaging"),
    *("functions", "etl", "services", "gateway", "site"),
)
"""The layers of the platform in their order of deployment; each is a type of components of its own, too."""
PLATFORM_TYPE = "platform"  # all layers as one stack
ACCOUNT_COMPONENT = "account"  # the settings that an account has once per region
PLATFORM_TYPES = (PLATFORM_TYPE, *LAYER_TYPES)
COMPONENT_TYPES = (*SERVICE_TYPES, *PLATFORM_TYPES)  # what `type` may say
COMPONENTS = (*COMPONENT_TYPES, ACCOUNT_COMPONENT)
ALL_COMPONENTS = "all"  # what people type for every component of a configuration
RESERVED_COMPONENT_NAMES = (ACCOUNT_COMPONENT, ALL_COMPONENTS)  # no component of a configuration has them
DEFAULT_ENVIRONMENT = Environment.DEVELOPMENT.value
DEFAULT_PROVIDER = CloudProvider.AWS.value
STACK_PART = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")  # a project, component, provider, environment or region
LONGEST_STACK_PART = 40

ENVIRONMENT_ALIASES = {
    "dev": "development",
    "develop": "development",
    "test": "qa",
    "stage": "staging",
    "stg": "staging",
    "prod": "production",
    "prd": "production",
}
SHORT_ENVIRONMENT_NAMES: Mapping[str, str] = {
    Environment.DEVELOPMENT: "dev",
    Environment.QA: "qa",
    Environment.STAGING: "stg",
    Environment.PRODUCTION: "prod",
}


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """A region of a cloud by the name in its API: lower case, without spaces."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read a region as people write it: `West US 2` is `westus2`."""
        return cls("".join(text.lower().split()))

    def __str__(self) -> str:
        return self.name


def is_stack_part(text: str) -> bool:
    """Whether the text can be a part of a stack's name."""
    return len(text) <= LONGEST_STACK_PART and STACK_PART.fullmatch(text) is not None


def list_extended_environments(name: str, extends: Mapping[str, str]) -> tuple[str, ...]:
    """Return the environment, the one that it extends, and so on, up to a built-in one.

    `extends` has the environments of a file's own. The last is no built-in one where a name is unknown or repeated.
    """
    chain: list[str] = []
    while name not in ENVIRONMENTS and name in extends and name not in chain:
        chain.append(name)
        name = extends[name]
    return (*chain, name)


_LONGEST_GUESS = 80  # difflib is quadratic, and no typing error has that length
_LONGEST_KNOWN = 200


def canonical_word(word: str | None) -> str | None:
    """Return the name of a component, provider, engine or cloud as it is recorded: in lower case, without spaces."""
    return None if word is None else word.strip().lower()


def canonical_environment(word: str) -> str:
    """Return the full name of an alias in any case; other names in lower case."""
    lowered = word.strip().lower()
    return ENVIRONMENT_ALIASES.get(lowered, lowered)


def find_nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the most similar choice, None if none is similar."""
    if len(word) > _LONGEST_GUESS:
        return None
    from difflib import get_close_matches  # imported only for a mistyped name

    return next(iter(get_close_matches(word.lower(), sorted(choices), n=1, cutoff=0.6)), None)


def suggest_known(word: str, choices: Iterable[str]) -> str:
    """Return the hint for an unknown name: the most similar one, then all, each once."""
    known = list(dict.fromkeys(choices))
    similar = find_nearest(word, known)
    question = f"Did you mean '{make_printable(similar, _LONGEST_KNOWN)}'? " if similar else ""
    return f"{question}Known: {', '.join(make_printable(it, _LONGEST_KNOWN) for it in known)}."


def read_component_type(component: str, configuration: Mapping[str, Any]) -> str:
    """Return the type that a recorded configuration gives a component, which is its name if it gives none."""
    components = configuration.get("components")
    section = components.get(component) if isinstance(components, Mapping) else None
    written = section.get("type") if isinstance(section, Mapping) else None
    return written if isinstance(written, str) else component


_SECRET_PREFIX = "SEMANTEST_SECRET_"  # noqa: S105 - a prefix
_CREDENTIAL_VARIABLES = frozenset(
    {
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "AZURE_PASSWORD", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN", "ARM_CLIENT_SECRET", "PULUMI_ACCESS_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
    }
)  # fmt: skip


def secret_variable_name(name: str) -> str:
    """Return the variable of the user's machine that holds a secret."""
    return f"{_SECRET_PREFIX}{name.upper()}"


def is_secret_variable(name: str) -> bool:
    """Whether a variable of the user's machine holds a secret of the configuration, or opens an account."""
    return name.upper().startswith(_SECRET_PREFIX) or name.upper() in _CREDENTIAL_VARIABLES


def select_secret_values(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that hold secrets, by name."""
    return {name: value for name, value in variables.items() if is_secret_variable(name)}


def make_printable(text: str, limit: int = 64) -> str:
    """Return foreign text on one line without invisible characters, shortened to `limit` characters."""
    escaped = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[:limit])
    return escaped if len(text) <= limit else f"{escaped}…"

"""The words for environments, providers and components, and the one form that each of them has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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
SERVICE_COMPONENTS = ("rest-api", "websocket", "platform")  # the components that run code and answer
ACCOUNT_COMPONENT = "account"  # the settings that an account has once per region
COMPONENTS = (*SERVICE_COMPONENTS, ACCOUNT_COMPONENT)
DEFAULT_ENVIRONMENT = Environment.DEVELOPMENT.value
DEFAULT_PROVIDER = CloudProvider.AWS.value

ENVIRONMENT_ALIASES = {
    "dev": "development",
    "develop": "development",
    "test": "qa",
    "stage": "staging",
    "stg": "staging",
    "prod": "production",
    "prd": "production",
}
SHORT_ENVIRONMENT_NAMES = {"development": "dev", "qa": "qa", "staging": "stg", "production": "prod"}


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


_LONGEST_GUESS = 80  # difflib is quadratic, and nobody mistypes a name of that length


def canonical_environment(word: str) -> str:
    """The full name for an alias in any case; a word that is no alias comes back lower-cased."""
    lowered = word.strip().lower()
    return ENVIRONMENT_ALIASES.get(lowered, lowered)


def find_nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that was probably meant, or None when nothing is near."""
    if len(word) > _LONGEST_GUESS:
        return None
    from difflib import get_close_matches  # here: only a mistyped word pays for it

    return next(iter(get_close_matches(word.lower(), sorted(choices), n=1, cutoff=0.6)), None)


def suggest_known(word: str, choices: Iterable[str]) -> str:
    """The hint for an unknown word: what was probably meant, then what there is."""
    known = list(choices)
    meant = find_nearest(word, known)
    question = f"Did you mean '{meant}'? " if meant else ""
    return f"{question}Known: {', '.join(known)}."


def secret_variable_name(name: str) -> str:
    """The variable that holds a secret on the machine of whoever deploys."""
    return f"SEMANTEST_SECRET_{name.upper()}"


def make_printable(text: str, limit: int = 64) -> str:
    """Foreign text fit for a message: one line, nothing invisible, `limit` characters and a bit at most."""
    escaped = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[:limit])
    return escaped if len(text) <= limit else f"{escaped}…"

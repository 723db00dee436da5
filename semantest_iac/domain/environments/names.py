"""The words for environments, providers and components, and the one form that each of them has."""

from __future__ import annotations

from collections.abc import Iterable

ENVIRONMENTS = ("development", "qa", "staging", "production")
PROVIDERS = ("aws", "azure")
SERVICE_COMPONENTS = ("rest-api", "websocket", "platform")  # the components that run code and answer
COMPONENTS = (*SERVICE_COMPONENTS, "account")
DEFAULT_ENVIRONMENT = "development"
DEFAULT_PROVIDER = "aws"

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

"""Takes a function's own secrets out of what it leaves behind: its logs and its errors, not its answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SHORTEST = 4  # a shorter value would blot out ordinary words
MASK = "[secret]"


def without_secrets(value: Any, secrets: Iterable[str]) -> Any:
    """A JSON value in which no text holds a secret; longer ones go first, as one may hold another."""
    hidden = sorted((secret for secret in secrets if len(secret) >= SHORTEST), key=len, reverse=True)
    return _masked(value, hidden) if hidden else value


def _masked(value: Any, hidden: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _masked(inner, hidden) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, hidden) for inner in value]
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, MASK)
    return value

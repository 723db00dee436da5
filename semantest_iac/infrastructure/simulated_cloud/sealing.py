"""Keeps values that may be secret out of the inventory: it holds a keyed fingerprint, which shows a change."""

from __future__ import annotations

import hmac
import json
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.values import Properties

_MARK: Final = "sealed:"


def sealed(rule: TypeRule, values: Properties, key: bytes) -> dict[str, Any]:
    """The values as they may be written down."""
    secret = _sealed_names(rule) & values.keys()
    return {name: _fingerprint(value, key) if name in secret else value for name, value in values.items()}


def unsealed(rule: TypeRule, stored: Properties, state: Properties, key: bytes) -> dict[str, Any]:
    """Stored values with the caller's own in place of fingerprints.

    What the caller does not know is left out; where the caller knows another value, the fingerprint stays and shows
    as a change.
    """
    opened = dict(stored)
    for name in _sealed_names(rule) & stored.keys():
        if name not in state:
            del opened[name]
        elif _fingerprint(state[name], key) == stored[name]:
            opened[name] = state[name]
    return opened


def _sealed_names(rule: TypeRule) -> set[str]:
    return {name for name, known in rule.properties.items() if known.sealed}


def _fingerprint(value: Any, key: bytes) -> str:
    if isinstance(value, str) and value.startswith(_MARK):
        return value
    return _MARK + hmac.digest(key, json.dumps(value, sort_keys=True).encode(), "sha256").hex()

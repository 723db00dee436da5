"""Secret settings of an application: names and references, never values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from semantest_iac.domain.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSecret(Resource):
    """One secret in the cloud's own store; `key` is the name in `${secrets.key}`."""

    key: str
    recovery_days: int


@dataclass(frozen=True, slots=True)
class AppSecrets:
    """Which settings are secret: setting name to secret key."""

    by_setting: Mapping[str, str]

    @property
    def keys(self) -> tuple[str, ...]:
        """Every secret key once, sorted."""
        return tuple(sorted(set(self.by_setting.values())))

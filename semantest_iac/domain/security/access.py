"""Function identities with their policies, and secrets by reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """The few things a function may be allowed, each of them off unless needed."""

    trace: bool = False
    join_network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionIdentity(Resource):
    """The identity of exactly one function: it writes its log, reads its secrets, does with what it `uses` what one
    does with such a resource, lets clients in where it `admits` them, and nothing else.
    """

    log_store: Ref
    secrets: tuple[Ref, ...] = ()
    policy: SecurityPolicy = SecurityPolicy()
    purpose: str = ""
    uses: tuple[Ref, ...] = ()
    admits: tuple[Ref, ...] = ()


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

"""Function identities with their policies, and secrets by reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """Optional permissions of a function, all off by default."""

    trace: bool = False
    join_network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionIdentity(Resource):
    """The identity of one function with least privilege.

    It may write its log, read its secrets, use the resources in `uses` (send to those that take messages), handle the
    messages of those in `receives_from`, and admit clients to those in `admits_clients_to`.
    """

    log_store: Ref
    secrets: tuple[Ref, ...] = ()
    policy: SecurityPolicy = SecurityPolicy()
    purpose: str = ""
    uses: tuple[Ref, ...] = ()
    admits_clients_to: tuple[Ref, ...] = ()
    receives_from: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSecret(Resource):
    """A secret in the cloud's own store; `key` is the name in `${secrets.key}`.

    `version` is the id of a value that was set in that store, empty for a value that the configuration gives. It is
    part of the settings of functions that cannot see by themselves that the value is another one. Without a `vault` it
    is in a store that the cloud chooses.
    """

    key: str
    recovery_days: int
    version: str = ""
    vault: Ref | None = None


@dataclass(frozen=True, slots=True)
class SecretNames:
    """The names of secrets by setting; never their values."""

    by_setting: Mapping[str, str]

    @property
    def keys(self) -> tuple[str, ...]:
        """Return every name once, sorted."""
        return tuple(sorted(set(self.by_setting.values())))

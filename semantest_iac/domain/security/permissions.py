"""The rights that deployments need and that functions get, and how they compare with those that somebody has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Permission:
    """Actions on resources; a resource may have `*` in it, and `*` alone is every resource."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunGrant:
    """What an identity of the stack may do, and which feature of the component uses it; empty if none does.

    `note` says more, such as why nothing uses it.
    """

    identity: str
    permission: Permission
    used_by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class StackPermissions:
    """The rights that deploying a stack needs, as a list and as the document that the cloud takes, and those it gives.

    `unscoped` are actions that the cloud limits to no resource. `built_in_roles` cover all of it, each with the number
    of actions that it has been chosen for. `grants` are those of the identities that are created.
    """

    stack: str
    deploy: tuple[Permission, ...]
    document: Mapping[str, Any]
    grants: tuple[RunGrant, ...]
    unscoped: tuple[str, ...] = ()
    built_in_roles: tuple[tuple[str, int], ...] = ()

    @property
    def unused(self) -> tuple[RunGrant, ...]:
        """The grants that no feature of the component uses."""
        return tuple(grant for grant in self.grants if not grant.used_by)

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "stack": self.stack,
            "deploy_role": dict(self.document),
            "unscoped": list(self.unscoped),
            "built_in_roles": [{"role": role, "actions": count} for role, count in self.built_in_roles],
            "run_roles": [asdict(grant) for grant in self.grants],
            "unused": [asdict(grant) for grant in self.unused],
        }


@dataclass(frozen=True, slots=True)
class GrantedPermissions:
    """What a document grants, and what it denies; both as patterns."""

    allowed: tuple[Permission, ...]
    denied: tuple[Permission, ...] = ()


@dataclass(frozen=True, slots=True)
class PermissionComparison:
    """What is needed and not granted, granted and not needed, and granted with `*` where less is enough."""

    missing: tuple[Permission, ...]
    unused: tuple[str, ...]
    wider: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return asdict(self)


def compare_permissions(needed: Sequence[Permission], granted: GrantedPermissions) -> PermissionComparison:
    """Return how what somebody has compares with what is needed; case does not count, nor an account's number."""
    missing = []
    for permission in needed:
        lacking = {
            (action, resource)
            for action in permission.actions
            for resource in permission.resources
            if not _is_granted(action, resource, granted)
        }
        if lacking:
            actions = tuple(dict.fromkeys(it for it in permission.actions if any(it == one for one, _ in lacking)))
            resources = tuple(dict.fromkeys(it for it in permission.resources if any(it == one for _, one in lacking)))
            missing.append(Permission(actions, resources))
    wanted = {action.lower() for permission in needed for action in permission.actions}
    patterns = list(dict.fromkeys(action for permission in granted.allowed for action in permission.actions))
    unused = [it for it in patterns if not any(fnmatchcase(action, it.lower()) for action in wanted)]
    wider = [it for it in patterns if EVERYTHING in it and it not in unused]
    return PermissionComparison(tuple(missing), tuple(unused), (*wider, *_find_wide_resources(needed, granted)))


def _is_granted(action: str, resource: str, granted: GrantedPermissions) -> bool:
    allows = any(_covers(permission, action, resource) for permission in granted.allowed)
    return allows and not any(_covers(permission, action, resource) for permission in granted.denied)


def _covers(permission: Permission, action: str, resource: str) -> bool:
    return any(fnmatchcase(action.lower(), it.lower()) for it in permission.actions) and any(
        fnmatchcase(_without_account(resource), _without_account(it)) for it in permission.resources
    )


def _without_account(resource: str) -> str:
    """Return a resource without the number of an account or a subscription: no document of ours names one."""
    return re.sub(r":\d{12}:", ":*:", re.sub(r"(?i)/subscriptions/[^/]+", "/subscriptions/*", resource)).lower()


def _find_wide_resources(needed: Iterable[Permission], granted: GrantedPermissions) -> Iterator[str]:
    """Yield actions that are granted on every resource, and needed on some only."""
    scoped = {it.lower() for one in needed if EVERYTHING not in one.resources for it in one.actions}
    unscoped = {it.lower() for one in needed if EVERYTHING in one.resources for it in one.actions}
    for permission in granted.allowed:
        if EVERYTHING in permission.resources:
            for action in permission.actions:
                if action.lower() in scoped - unscoped:
                    yield f"{action} on every resource"

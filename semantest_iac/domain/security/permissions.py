"""The rights that deployments need and that functions get, and how they compare with those that somebody has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

EVERYTHING = "*"
_ARN_PARTS = 6  # arn, partition, service, region, account and the rest


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
class PermissionPattern:
    """Actions on resources as a document has them, in patterns with `*` and `?`, and what is left out of both."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = (EVERYTHING,)
    not_actions: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()

    def allows(self, action: str, resource: str) -> bool:
        """Whether all of a resource, in which `*` may be anything, is meant."""
        return (
            self._names(action)
            and any(_includes(it, resource) for it in self.resources)
            and not any(_overlaps(it, resource) for it in self.not_resources)
        )

    def denies(self, action: str, resource: str) -> bool:
        """Whether a part of a resource is meant."""
        return (
            self._names(action)
            and any(_overlaps(it, resource) for it in self.resources)
            and not any(_includes(it, resource) for it in self.not_resources)
        )

    def _names(self, action: str) -> bool:
        named = any(_includes(it, action) for it in self.actions)
        return named and not any(_includes(it, action) for it in self.not_actions)


@dataclass(frozen=True, slots=True)
class GrantedPermissions:
    """What a document grants, and what it denies whatever is granted."""

    allowed: tuple[PermissionPattern, ...]
    denied: tuple[PermissionPattern, ...] = ()


@dataclass(frozen=True, slots=True)
class PermissionComparison:
    """What is needed and not granted, granted and not needed, and granted with `*` where less is enough."""

    missing: tuple[Permission, ...]
    unused: tuple[str, ...]
    wider: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return asdict(self)


def read_names(value: Any) -> tuple[str, ...] | None:
    """Return the names that a document has as a text or a list of texts, none where it has none; None for others."""
    names = [value] if isinstance(value, str) else value or []
    is_list = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    return tuple(names) if is_list else None


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
    unused = [it for it in patterns if not any(_includes(it, action) for action in wanted)]
    wider = [it for it in patterns if EVERYTHING in it and it not in unused]
    return PermissionComparison(tuple(missing), tuple(unused), (*wider, *_find_wide_resources(needed, granted)))


def _is_granted(action: str, resource: str, granted: GrantedPermissions) -> bool:
    allows = any(permission.allows(action, resource) for permission in granted.allowed)
    return allows and not any(permission.denies(action, resource) for permission in granted.denied)


def _includes(pattern: str, name: str) -> bool:
    """Whether everything that a name with `*` stands for fits the pattern: its `*` is more than a `?`."""
    return _compile(_without_account(pattern)).fullmatch(_without_account(name)) is not None


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    parts = {EVERYTHING: ".*", "?": r"[^*]"}
    return re.compile("".join(parts.get(char) or re.escape(char) for char in re.sub(r"\*+", "*", pattern)), re.DOTALL)


def _overlaps(pattern: str, name: str) -> bool:
    """Whether a name with `*` stands for something that fits the pattern."""
    first, second = _without_account(pattern), _without_account(name)
    reached = [True]  # of the second, up to each of its characters, for nothing of the first
    for char in second:
        reached.append(reached[-1] and char == EVERYTHING)
    for char in first:
        row = [reached[0] and char == EVERYTHING]
        for at, other in enumerate(second, start=1):
            if EVERYTHING in (char, other):
                row.append(reached[at] or row[-1])
            else:
                row.append(reached[at - 1] and (char == other or "?" in (char, other)))
        reached = row
    return reached[-1]


def _without_account(resource: str) -> str:
    """Return a resource without the number of an account or a subscription: no document of ours names one."""
    parts = re.sub(r"(?i)/subscriptions/[^/]+", "/subscriptions/_", resource).lower().split(":", _ARN_PARTS - 1)
    if len(parts) == _ARN_PARTS and parts[0] == "arn":
        parts[_ARN_PARTS - 2] = ""
    return ":".join(parts)


def _find_wide_resources(needed: Iterable[Permission], granted: GrantedPermissions) -> Iterator[str]:
    """Yield actions that are granted on every resource, and needed on some only."""
    scoped = {it.lower() for one in needed if EVERYTHING not in one.resources for it in one.actions}
    unscoped = {it.lower() for one in needed if EVERYTHING in one.resources for it in one.actions}
    for permission in granted.allowed:
        if EVERYTHING in permission.resources:
            for action in permission.actions:
                if action.lower() in scoped - unscoped:
                    yield f"{action} on every resource"

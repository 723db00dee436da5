"""Property paths (`tags.team`, `rules[0].port`, `tags["a.b"]`, `rules[*]`), with Pulumi's meaning.

Source of the meaning: pulumi/pulumi, `sdk/go/common/resource/properties_path.go`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from semantest_iac.domain.deployment.property_changes import PropertyPath, parse_path
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PropertyValues, Secret

_WILDCARD = "*"


def path_covers(path: PropertyPath, other: PropertyPath) -> bool:
    """Whether the other path is equal to this one or lies below it."""
    return 0 < len(path) <= len(other) and all(mine in (_WILDCARD, its) for mine, its in zip(path, other, strict=False))


def restore_ignored(new: PropertyValues, old: PropertyValues, texts: Iterable[str]) -> PropertyValues:
    """Return the new values with the old value at each path, secret if the old one was.

    A value that could be restored only by changing the length of a list or by adding a parent stays new.
    """
    values: Any = new
    for path in filter(None, map(parse_path, texts)):
        values = _restore(values, old, path, False)
    restored: PropertyValues = values
    return restored


def _restore(new: Any, old: Any, path: PropertyPath, is_secret: bool) -> Any:
    if isinstance(new, Secret):
        return Secret(_restore(new.value, old.value if isinstance(old, Secret) else old, path, False))
    if isinstance(old, Secret):
        return _restore(new, old.value, path, True)
    if isinstance(new, dict):
        return _restore_object(new, old, path, is_secret)
    if isinstance(new, list) and isinstance(old, list):
        return _restore_list(new, old, path, is_secret)
    return new


def _restore_object(new: PropertyValues, old: Any, path: PropertyPath, is_secret: bool) -> PropertyValues:
    if path[0] == _WILDCARD and not isinstance(old, dict):
        return new
    past: PropertyValues = old if isinstance(old, dict) else {}
    changed = dict(new)
    for name in [name for name in {**new, **past} if path[0] in (_WILDCARD, name)]:
        if len(path) > 1 and name in new and (name in past or path[0] != _WILDCARD):
            changed[name] = _restore(new[name], past.get(name), path[1:], is_secret)
        elif len(path) == 1 and name in past:
            changed[name] = _as_secret(past[name], is_secret)
        elif len(path) == 1:
            del changed[name]
    return changed


def _restore_list(new: list[Any], old: list[Any], path: PropertyPath, is_secret: bool) -> list[Any]:
    changed = list(new)
    for index in [index for index in range(min(len(new), len(old))) if path[0] in (_WILDCARD, index)]:
        inner = _restore(new[index], old[index], path[1:], is_secret) if path[1:] else _as_secret(old[index], is_secret)
        changed[index] = inner
    return changed


def _as_secret(value: Any, is_secret: bool) -> Any:
    return Secret(value) if is_secret and not isinstance(value, Secret) else value

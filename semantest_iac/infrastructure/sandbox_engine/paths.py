"""Property paths (`tags.team`, `rules[0].port`, `tags["a.b"]`, `rules[*]`), with Pulumi's meaning.

Source of the meaning: pulumi/pulumi, `sdk/go/common/resource/properties_path.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.values import Properties, Secret

Step = str | int
Path = tuple[Step, ...]

_ANY = "*"
_STEP = re.compile(r'\.?\["((?:\\"|[^"])+)"\]|\.?\[(\d+|\*)\]|\.?([^.\[]+)')


def parse(text: str) -> Path:
    """The steps of a path; a text that is none has no steps and fits nothing."""
    found = list(_STEP.finditer(text))
    whole = "".join(match[0] for match in found) == text and not text.startswith(".")
    return tuple(map(_step, found)) if whole else ()


def _step(match: re.Match[str]) -> Step:
    quoted, index, name = match.groups()
    if quoted is not None:
        return str(quoted).replace('\\"', '"')
    return int(index) if index and index != _ANY else str(index or name)


def covers(path: Path, other: Path) -> bool:
    """Whether the other path is this one or leads further in from it."""
    return 0 < len(path) <= len(other) and all(mine in (_ANY, its) for mine, its in zip(path, other, strict=False))


def put_back(new: Properties, old: Properties, texts: Iterable[str]) -> Properties:
    """The new values with what lies at each path as it was in the old ones, secret if it was secret.

    What cannot be put back without making a list longer or shorter, or inventing a parent, stays new.
    """
    values: Any = new
    for path in filter(None, map(parse, texts)):
        values = _reset(values, old, path, False)
    kept: Properties = values
    return kept


def _reset(new: Any, old: Any, path: Path, hidden: bool) -> Any:
    if isinstance(new, Secret):
        return Secret(_reset(new.value, old.value if isinstance(old, Secret) else old, path, False))
    if isinstance(old, Secret):
        return _reset(new, old.value, path, True)
    if isinstance(new, dict):
        return _reset_object(new, old, path, hidden)
    if isinstance(new, list) and isinstance(old, list):
        return _reset_list(new, old, path, hidden)
    return new


def _reset_object(new: Properties, old: Any, path: Path, hidden: bool) -> Properties:
    if path[0] == _ANY and not isinstance(old, dict):
        return new
    past: Properties = old if isinstance(old, dict) else {}
    changed = dict(new)
    for name in [name for name in {**new, **past} if path[0] in (_ANY, name)]:
        if len(path) > 1 and name in new and (name in past or path[0] != _ANY):
            changed[name] = _reset(new[name], past.get(name), path[1:], hidden)
        elif len(path) == 1 and name in past:
            changed[name] = _hidden(past[name], hidden)
        elif len(path) == 1:
            del changed[name]
    return changed


def _reset_list(new: list[Any], old: list[Any], path: Path, hidden: bool) -> list[Any]:
    changed = list(new)
    for index in [index for index in range(min(len(new), len(old))) if path[0] in (_ANY, index)]:
        inner = _reset(new[index], old[index], path[1:], hidden) if path[1:] else _hidden(old[index], hidden)
        changed[index] = inner
    return changed


def _hidden(value: Any, hidden: bool) -> Any:
    return Secret(value) if hidden and not isinstance(value, Secret) else value

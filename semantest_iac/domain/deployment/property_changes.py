"""Compares the old and the new properties of a resource, down to the changed leaves, and hides what is secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from semantest_iac.domain.security.secret_patterns import SECRET_TEXT, is_secret_property, looks_secret

COMPUTED_TEXT: Final = "(known after deploy)"
PathStep = str | int
PropertyPath = tuple[PathStep, ...]


class _Marker:
    """A value that is not shown as itself."""

    def __init__(self, shown: str) -> None:
        self.shown = shown

    def __repr__(self) -> str:
        return self.shown


SECRET_VALUE: Final = _Marker(SECRET_TEXT)
COMPUTED_VALUE: Final = _Marker(COMPUTED_TEXT)
_ABSENT: Final = _Marker("absent")


@dataclass(frozen=True, slots=True)
class PackageDigest:
    """A package of code as the value of a property."""

    digest: str


class ChangeSource(NamedTuple):
    """A changing resource that a property's value comes from, and its operation."""

    name: str
    op: str


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One changed property of a resource: values as in JSON, without secrets; None where there is no value.

    `path` leads to the leaf: `environment.variables.LOG_LEVEL`. `replaces`: the change forces a replacement of the
    resource. `is_secret`: both values are hidden. `is_computed`: the cloud chooses the new value during the deployment.
    `is_package`: the values are digests of code. `sources` are the changing resources that the new value comes from.
    """

    path: str
    old: Any = None
    new: Any = None
    replaces: bool = False
    is_secret: bool = False
    is_computed: bool = False
    is_package: bool = False
    sources: tuple[ChangeSource, ...] = ()

    @property
    def property(self) -> str:
        """Return the name of the resource's property: `environment` for `environment.variables.LOG_LEVEL`."""
        return _first_step(self.path)

    def as_dict(self) -> dict[str, Any]:
        """Return the change as `preview --json` prints it."""
        about: dict[str, Any] = {"path": self.path, "from": self.old, "to": self.new, "replaces": self.replaces}
        if self.is_computed:
            about["computed"] = True
        if self.sources:
            about["source"] = ", ".join(source.name for source in self.sources)
        return about


@dataclass(frozen=True, slots=True)
class ResourceValues:
    """The properties of a resource before and after a change.

    Secrets are SECRET_VALUE, what is not known yet is COMPUTED_VALUE, code is a PackageDigest. `old_outputs` are what
    the cloud reported last.
    """

    old: Mapping[str, Any]
    old_outputs: Mapping[str, Any]
    new: Mapping[str, Any]


def list_property_changes(
    values: ResourceValues, changed: Mapping[str, bool], properties: Iterable[str] = (), forcing: Iterable[str] = ()
) -> tuple[PropertyChange, ...]:
    """Return the changed leaves, sorted by path.

    `changed` maps the paths that an engine found to be different to whether they force a replacement. `properties` are
    the names of changed properties, some of them perhaps without such a path; `forcing` are those that force one.
    """
    changed = _merge_lists(changed)
    covered = set(map(_first_step, changed))
    forced = {_first_step(path) for path, replaces in changed.items() if replaces}
    forcing = set(forcing)
    paths = {path: False for path in {*properties, *forcing} if _first_step(path) not in covered} | dict(changed)
    still_forcing = set(map(_first_step, forcing)) - forced
    found = {
        change.path: replace(change, replaces=replaces or _first_step(path) in still_forcing)
        for path, replaces in paths.items()
        for change in _changes_at(path, values)
    }
    return tuple(found[path] for path in sorted(found))


def _merge_lists(changed: Mapping[str, bool]) -> dict[str, bool]:
    """Return the paths with whole lists in place of their elements, which are paired here and not by position."""
    merged: dict[str, bool] = {}
    for path, replaces in changed.items():
        steps = parse_path(path)
        index = next((i for i, step in enumerate(steps) if isinstance(step, int)), len(steps))
        outer = _format_path(steps[:index]) or path
        merged[outer] = merged.get(outer, False) or replaces
    return merged


def _changes_at(path: str, values: ResourceValues) -> Sequence[PropertyChange]:
    """Return the changed leaves at a path where an engine found a difference; at least one."""
    steps = parse_path(path)
    old, new = _value_at(values.old, steps), _value_at(values.new, steps)
    if old is _ABSENT or old == new:
        reported = _value_at(values.old_outputs, steps)
        old = old if reported is _ABSENT else reported
    return list(_compare(path, old, new)) or [_leaf(path, old, new)]


def _compare(path: str, old: Any, new: Any) -> Iterator[PropertyChange]:
    """Yield the differing leaves; where both values are secret, whether they differ is not known and not said."""
    before, after = _parse_document(old), _parse_document(new)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            if not key.startswith("__"):  # an engine's own notes
                inner = path + _format_step(key)
                yield from _compare(inner, before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list) and SECRET_VALUE not in (*before, *after):
        for inner, left, right in _pair_elements(path, before, after):
            yield from _compare(inner, left, right)
    elif before != after:
        yield _leaf(path, old, new)


def _leaf(path: str, old: Any, new: Any) -> PropertyChange:
    names = [step for step in parse_path(path) if isinstance(step, str)] or [path]
    name = next(filter(is_secret_property, names), names[-1])
    before, after = (_hide_secrets(name, value) for value in (old, new))
    if SECRET_VALUE in (before, after) or _has_secret_element(before, after):
        # the other value may be the secret in the clear
        left, right = (None if _is_absent(value) else SECRET_TEXT for value in (old, new))
        return PropertyChange(path, left, right, is_secret=True)
    return PropertyChange(
        path,
        _to_json(before),
        _to_json(after),
        is_computed=after is COMPUTED_VALUE,
        is_package=isinstance(old, PackageDigest) or isinstance(new, PackageDigest),
    )


def _has_secret_element(*values: Any) -> bool:
    return any(isinstance(value, list) and SECRET_VALUE in value for value in values)


def _hide_secrets(name: str, value: Any) -> Any:
    """Return the value with SECRET_VALUE for each part that is secret by its name or form."""
    if _is_absent(value):
        return value
    if is_secret_property(name):
        return SECRET_VALUE
    if isinstance(value, Mapping):
        pair = _name_value_pair(value)
        if pair:
            return {"name": pair[0], "value": _hide_secrets(pair[0], pair[1])}
        return {key: _hide_secrets(key, inner) for key, inner in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_hide_secrets(name, inner) for inner in value]
    if not isinstance(value, str):
        return value
    document = _parse_document(value)
    if document is not value:
        hidden = _hide_secrets(name, document)
        return value if hidden == document else json.dumps(_to_json(hidden))
    return SECRET_VALUE if looks_secret(name, value) or value.startswith(_SECRET_REFERENCE) else value


_SECRET_REFERENCE = "@Microsoft.KeyVault("  # a setting whose value is a secret  # noqa: S105


def _to_json(value: Any) -> Any:
    if isinstance(value, _Marker):
        return None if value is _ABSENT else value.shown
    if isinstance(value, PackageDigest):
        return value.digest
    if isinstance(value, Mapping):
        return {key: _to_json(inner) for key, inner in value.items()}
    return [_to_json(inner) for inner in value] if isinstance(value, list) else value


def _is_absent(value: Any) -> bool:
    return value is _ABSENT or value is None


def _parse_document(value: Any) -> Any:
    """Return the object or list that a text of JSON holds, any other value unchanged."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


_NAMING_KEYS = ("name", "Name", "Sid", "key")


def _pair_elements(path: str, old: list[Any], new: list[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield the path, the old and the new value of each element; elements with names of their own are paired by them.

    Of other elements, those between the first and the last difference are paired in order.
    """
    before, after = _key_by_unique_name(old), _key_by_unique_name(new)
    if before is not None and after is not None:
        for name in sorted(before.keys() | after.keys()):
            yield from _pair_named(path, name, before.get(name, _ABSENT), after.get(name, _ABSENT))
        return
    shorter = min(len(old), len(new))
    start = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    same = next((i for i in range(shorter - start) if old[-1 - i] != new[-1 - i]), shorter - start)
    for index in range(start, max(len(old), len(new)) - same):
        left = old[index] if index < len(old) - same else _ABSENT
        right = new[index] if index < len(new) - same else _ABSENT
        yield f"{path}[{index}]", left, right


def _pair_named(path: str, name: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    pairs = [_name_value_pair(each) for each in (old, new) if each is not _ABSENT]
    if all(pairs):
        values = [each if each is _ABSENT else each.get("value") for each in (old, new)]
        yield path + _format_step(name), values[0], values[1]
    else:
        yield f"{path}[{json.dumps(name)}]", old, new


def _key_by_unique_name(elements: list[Any]) -> dict[str, Any] | None:
    """Return the elements by the name that each has; None if some have none, or two have the same."""
    for key in _NAMING_KEYS:
        found = [element.get(key) if isinstance(element, Mapping) else None for element in elements]
        names = [name for name in found if isinstance(name, str)]
        if len(set(names)) == len(elements):
            return dict(zip(names, elements, strict=True))
    return None


def _name_value_pair(value: Any) -> tuple[str, Any] | None:
    """Return name and value of a setting in a list of settings."""
    if isinstance(value, Mapping) and value.keys() == {"name", "value"} and isinstance(value["name"], str):
        return value["name"], value["value"]
    return None


_STEP_PATTERN = re.compile(r'\.?\["((?:\\"|[^"])+)"\]|\.?\[(\d+|\*)\]|\.?([^.\[]+)')
_WILDCARD = "*"


def parse_path(text: str) -> PropertyPath:
    """Parse the steps of a path (`tags.team`, `rules[0].port`, `tags["a.b"]`); an invalid text has none."""
    found = list(_STEP_PATTERN.finditer(text))
    whole = "".join(match[0] for match in found) == text and not text.startswith(".")
    return tuple(map(_parse_step, found)) if whole else ()


def _parse_step(match: re.Match[str]) -> PathStep:
    quoted, index, name = match.groups()
    if quoted is not None:
        return str(quoted).replace('\\"', '"')
    return int(index) if index and index != _WILDCARD else str(index or name)


def _format_step(key: str) -> str:
    return f".{key}" if key.replace("_", "").isalnum() else f"[{json.dumps(key)}]"


def _format_path(steps: PropertyPath) -> str:
    return "".join(map(_format_step, map(str, steps))).removeprefix(".")


def _first_step(path: str) -> str:
    return str((parse_path(path) or (path,))[0])


def _value_at(values: Any, steps: PropertyPath) -> Any:
    """Return the value at a path; a part of a secret or unknown value is as secret or unknown."""
    for step in steps:
        if isinstance(values, _Marker):
            return values
        if isinstance(step, str) and isinstance(values, Mapping):
            values = values.get(step, _ABSENT)
        elif isinstance(step, int) and isinstance(values, list) and step < len(values):
            values = values[step]
        else:
            return _ABSENT
    return values

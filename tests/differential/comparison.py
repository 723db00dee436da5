"""Whether two outcomes are the same but for what nobody chose: generated texts, times, the order of what is free."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.urns import type_of
from tests.differential.worlds import Outcome

_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?")
_WORD = re.compile(r"[A-Za-z0-9]+")
_SHORTEST = 4
# where and when it was made, which the sandbox does not note, and what the engine keeps about plugins
_UNTOLD = frozenset({"created", "modified", "sourcePosition", "stackTrace", "__internal"})
_ABSENT = object()

# what the plan counts; the rest are parts of a replacement, which the log shows
_COUNTED = frozenset({"create", "update", "same", "replace", "delete"})
_LOGGED = {
    "create": "create",
    "create-replacement": "replace",
    "replace": "replace",
    "update": "update",
    "delete": "delete",
    "delete-replaced": "delete",
}


class Renaming:
    """Which generated text of one world stands for which of the other: one for one, for as long as the worlds live."""

    def __init__(self) -> None:
        self._theirs: dict[str, str] = {}
        self._ours: dict[str, str] = {}

    def agree(self, ours: Any, theirs: Any) -> bool:
        """Whether the values are the same up to generated texts."""
        return not any(self.differences("", ours, theirs))

    def differences(self, path: str, ours: Any, theirs: Any) -> Iterator[str]:
        """Where they are not the same."""
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            for name in sorted({*ours, *theirs}):
                yield from self.differences(f"{path}.{name}", ours.get(name, _ABSENT), theirs.get(name, _ABSENT))
        elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
            for number, (mine, its) in enumerate(zip(ours, theirs, strict=True)):
                yield from self.differences(f"{path}[{number}]", mine, its)
        elif isinstance(ours, str) and isinstance(theirs, str):
            if not self._same_text(_TIME.sub("", ours), _TIME.sub("", theirs)):
                yield f"{path}: {ours!r} here, {theirs!r} there"
        elif ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):
            yield f"{path}: {_shown(ours)} here, {_shown(theirs)} there"

    def translated(self, text: str) -> str:
        """A text of ours as it is there."""
        return _WORD.sub(lambda word: self._theirs.get(word[0], word[0]), text)

    def _same_text(self, ours: str, theirs: str) -> bool:
        if ours == theirs:
            return True
        if _WORD.split(ours) != _WORD.split(theirs):
            return False
        return all(map(self._same_word, _WORD.findall(ours), _WORD.findall(theirs)))

    def _same_word(self, ours: str, theirs: str) -> bool:
        if ours == theirs:
            return True
        if len(ours) != len(theirs) or len(ours) < _SHORTEST:
            return False
        return self._theirs.setdefault(ours, theirs) == theirs and self._ours.setdefault(theirs, ours) == ours


def _shown(value: Any) -> str:
    return "nothing" if value is _ABSENT else repr(value)


def differences(ours: Outcome, theirs: Outcome, renaming: Renaming) -> list[str]:
    """All that tells the outcomes apart."""
    return [
        *_errors(ours, theirs),
        *(_counted("step", _steps(ours), _steps(theirs)) if not ours.error else ()),
        *_counted("operation", _operations(ours), _operations(theirs)),
        *_counted("replacement", _replacements(ours), _replacements(theirs)),
        *(f"order here: {fault}" for fault in _disorder(ours)),
        *(f"order there: {fault}" for fault in _disorder(theirs)),
        *_resources(ours, theirs, renaming),
        *_rows(ours, theirs, renaming),
    ]


def operations(outcome: Outcome) -> int:
    """How many operations were compared."""
    return len(_steps(outcome))


def _errors(ours: Outcome, theirs: Outcome) -> Iterator[str]:
    if bool(ours.error) != bool(theirs.error):
        yield f"error: {ours.error or 'none'} here, {theirs.error or 'none'} there"
    elif not ours.failed <= theirs.failed:
        yield f"failed: {sorted(ours.failed)} here, {sorted(theirs.failed)} there"


def _steps(outcome: Outcome) -> list[tuple[str, str]]:
    never = _protected(outcome)
    return [(op, urn) for op, urn in outcome.steps if op in _COUNTED and (op, urn) not in never]


def _operations(outcome: Outcome) -> list[tuple[str, str]]:
    """What reached the cloud, or was tried."""
    never = _protected(outcome)
    return [
        (f"{_LOGGED[op]} {stage}", urn)
        for stage, op, urn in outcome.log
        if op in _LOGGED and stage != "running" and not _is_local(urn) and (op, urn) not in never
        if op != "replace" or not _has_parts(outcome)
    ]


def _protected(outcome: Outcome) -> set[tuple[str, str]]:
    """The deletes that Pulumi only begins in order to say that they must not be; the sandbox does not begin them."""
    kept = {resource["urn"] for resource in outcome.resources if resource.get("protect")}
    return {(op, urn) for stage, op, urn in outcome.log if (stage, op) == ("failed", "delete") and urn in kept}


def _has_parts(outcome: Outcome) -> bool:
    """Pulumi tells of a replacement as a whole, too."""
    return any(op == "create-replacement" for _, op, _ in outcome.log)


def _is_local(urn: str) -> bool:
    return type_of(urn).startswith(("pulumi:", "differential:"))


def _counted(what: str, ours: Iterable[tuple[str, str]], theirs: Iterable[tuple[str, str]]) -> Iterator[str]:
    here, there = Counter(ours), Counter(theirs)
    for (op, urn), _ in sorted(((here - there) + (there - here)).items()):
        yield f"{what} {op} of {urn}: {here[op, urn]} here, {there[op, urn]} there"


_MAKING = frozenset({"create", "create-replacement", "replace", "update"})
_TAKING = frozenset({"delete", "delete-replaced"})


def _disorder(outcome: Outcome) -> Iterator[str]:
    """Resources that were made before, or gone after, one that they need."""
    for resource in outcome.resources:
        for needed in resource.get("dependencies", []) if not resource.get("delete") else ():
            if _moment(outcome, "running", _MAKING, resource["urn"]) < _moment(outcome, "done", _MAKING, needed):
                yield f"{resource['urn']} was made before {needed}"
    for resource in outcome.before:
        for needed in resource.get("dependencies", []):
            if _moment(outcome, "running", _TAKING, needed) < _moment(outcome, "done", _TAKING, resource["urn"]):
                yield f"{resource['urn']} was gone after {needed}"


def _moment(outcome: Outcome, stage: str, ops: Set[str], urn: str) -> float:
    """When that last happened to the resource; where it did not, it is in nobody's way."""
    moments = [n for n, (stage_, op, urn_) in enumerate(outcome.log) if (stage_, urn_) == (stage, urn) and op in ops]
    never = float("inf") if stage == "running" else -1
    return max(moments, default=never)


def _replacements(outcome: Outcome) -> list[tuple[str, str]]:
    """In which order the replaced resources went and came."""
    done = [(op in _TAKING, urn) for stage, op, urn in outcome.log if stage == "done" and op in _MAKING | _TAKING]
    both = {urn for gone, urn in done if gone} & {urn for gone, urn in done if not gone}
    first = {urn: gone for gone, urn in reversed(done) if urn in both}
    return [("delete first" if gone else "create first", urn) for urn, gone in first.items() if not _is_local(urn)]


def _resources(ours: Outcome, theirs: Outcome, renaming: Renaming) -> Iterator[str]:
    here, there = _keyed(ours.resources), _keyed(theirs.resources)
    for key in sorted({*here, *there}):
        if key in here and key in there:
            mine = _as_open(here[key], there[key])
            yield from renaming.differences(f"state of {key}", mine, there[key])
        else:
            yield f"state of {key}: only {'here' if key in here else 'there'}"


def _keyed(resources: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By URN, and the number of the one that shares it; without what is not told here."""
    found: dict[str, dict[str, Any]] = {}
    for resource in json.loads(json.dumps(resources)):
        key = resource["urn"] + (" (replaced)" if resource.get("delete") else "")
        while key in found:
            key += "+"
        found[key] = _told(resource)
    return found


def _told(resource: dict[str, Any]) -> dict[str, Any]:
    inputs = {name: value for name, value in resource.get("inputs", {}).items() if name not in _UNTOLD}
    needs = {name: sorted(urns) for name, urns in resource.get("propertyDependencies", {}).items() if urns}
    lists = {name: sorted(resource.get(name) or ()) for name in ("dependencies", "additionalSecretOutputs")}
    broken = ["in the provider's words" for _ in resource.get("initErrors", ())]
    told = {**resource, **lists, "inputs": inputs, "propertyDependencies": needs, "initErrors": broken}
    return {name: value for name, value in told.items() if name not in _UNTOLD and value not in ({}, [])}


def _as_open(ours: dict[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Ours, with outputs opened that only the sandbox seals: those that repeat a secret of the resource."""
    if '{"secret": ' not in json.dumps(theirs):
        return ours
    return {**ours, "outputs": _opened_like(ours.get("outputs", {}), theirs.get("outputs", {}))}


def _opened_like(ours: Any, theirs: Any) -> Any:
    if not isinstance(ours, dict):
        return ours
    if ours.keys() == {"secret"} and not (isinstance(theirs, dict) and theirs.keys() == {"secret"}):
        return ours["secret"]
    return {
        name: _opened_like(value, theirs.get(name) if isinstance(theirs, dict) else None)
        for name, value in ours.items()
    }


def _rows(ours: Outcome, theirs: Outcome, renaming: Renaming) -> Iterator[str]:
    here = {(*row.address[2:3], renaming.translated(row.address.key)): row for row in ours.rows}
    there = {(*row.address[2:3], row.address.key): row for row in theirs.rows}
    for key in sorted({*here, *there}):
        if key in here and key in there:
            mine, its = here[key], there[key]
            yield from renaming.differences(f"inputs in the cloud of {key}", mine.inputs, its.inputs)
            yield from renaming.differences(f"outputs in the cloud of {key}", mine.outputs, its.outputs)
        else:
            yield f"in the cloud {key}: only {'here' if key in here else 'there'}"

"""Whether two outcomes are the same but for what nobody chose: generated texts, times, the order of what is free."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import type_of_urn
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import StoredResource
from tests.differential.deployer import Steps
from tests.differential.renaming import Renaming
from tests.differential.worlds import Outcome

# where and when it was made, which the sandbox does not note, and what the engine keeps about plugins
_UNTOLD = frozenset({"created", "modified", "sourcePosition", "stackTrace", "__internal"})

_FORGOTTEN = "remove-pending-replace"
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


def differences(ours: Outcome, theirs: Outcome, renaming: Renaming, free: Set[str] = frozenset()) -> list[str]:
    """All that tells the outcomes apart, but for what became of the resources in `free`."""
    return [
        *_forecasts(ours, theirs),
        *_errors(ours, theirs),
        *(_counted("step", _steps(ours), _steps(theirs)) if not ours.error else ()),
        *_counted("operation", _operations(ours, free), _operations(theirs, free)),
        *(_counted("replacement", _replacements(ours), _replacements(theirs)) if not free else ()),
        *(f"order here: {fault}" for fault in _disorder(ours)),
        *(f"order there: {fault}" for fault in _disorder(theirs)),
        *_resources(ours, theirs, renaming, free),
        *(_rows(ours, theirs, renaming) if not free else ()),
    ]


def undecided(ours: Outcome, theirs: Outcome) -> frozenset[str]:
    """The resources that may be gone or not, as Pulumi takes deletes in no certain order and one of them failed."""
    if not (_kept_by_the_cloud(ours) and _kept_by_the_cloud(theirs)):
        return frozenset()
    kept = {urn for op, urn in theirs.steps if op not in _TAKING} - {urn for op, urn in theirs.steps if op in _TAKING}
    return frozenset({resource["urn"] for resource in theirs.before + theirs.resources} - kept)


def _kept_by_the_cloud(outcome: Outcome) -> bool:
    never = _protected(outcome)
    return any(stage == "failed" and op in _TAKING and (op, urn) not in never for stage, op, urn in outcome.log)


def operations(outcome: Outcome) -> int:
    """How many operations were compared."""
    return len(_steps(outcome))


def _errors(ours: Outcome, theirs: Outcome) -> Iterator[str]:
    if bool(ours.error) != bool(theirs.error):
        yield f"error: {ours.error or 'none'} here, {theirs.error or 'none'} there"
    elif not ours.failed <= theirs.failed:
        yield f"failed: {sorted(ours.failed)} here, {sorted(theirs.failed)} there"


def _forecasts(ours: Outcome, theirs: Outcome) -> Iterator[str]:
    if ours.foreseen is None or theirs.foreseen is None:
        if ours.foreseen is not theirs.foreseen:
            yield f"preview: refused {'here' if ours.foreseen is None else 'there'} only"
    else:
        yield from _counted("foreseen", *map(_in_plan, (ours.foreseen, theirs.foreseen)))


def _in_plan(steps: Steps) -> Steps:
    """What the plan counts; Pulumi tells of a delete in two parts where it made way for the replacement of another."""
    parted = {urn for op, urn in steps if op == "delete-replaced"} & {urn for op, urn in steps if op == _FORGOTTEN}
    return [(op, urn) for op, urn in steps if op in _COUNTED] + [("delete", urn) for urn in sorted(parted)]


def _steps(outcome: Outcome) -> Steps:
    never = _protected(outcome)
    return [step for step in _in_plan(outcome.steps) if step not in never]


def _operations(outcome: Outcome, free: Set[str]) -> Steps:
    """What reached the cloud, or was tried."""
    never = _protected(outcome) | {(op, urn) for op in _TAKING for urn in free}
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
    return type_of_urn(urn).startswith(("pulumi:", "differential:"))


def _counted(what: str, ours: Iterable[tuple[str, str]], theirs: Iterable[tuple[str, str]]) -> Iterator[str]:
    here, there = Counter(ours), Counter(theirs)
    for (op, urn), _ in sorted(((here - there) + (there - here)).items()):
        yield f"{what} {op} of {urn}: {here[op, urn]} here, {there[op, urn]} there"


_DELETE_FIRST = "delete first"
_MAKING = frozenset({"create", "create-replacement", "replace", "update"})
_TAKING = frozenset({"delete", "delete-replaced"})


def _disorder(outcome: Outcome) -> Iterator[str]:
    """Resources that were made before, or gone after, one that they need.

    Nobody waits for one that is deleted first in order to be replaced.
    """
    for resource in outcome.resources:
        for needed in resource.get("dependencies", []) if not resource.get("delete") else ():
            if _moment(outcome, "running", _MAKING, resource["urn"]) < _moment(outcome, "done", _MAKING, needed):
                yield f"{resource['urn']} was made before {needed}"
    for resource in outcome.before:
        for needed in {*resource.get("dependencies", [])} - _made_again(outcome) - _outlived(outcome):
            if _moment(outcome, "running", _TAKING, needed) < _moment(outcome, "done", _TAKING, resource["urn"]):
                yield f"{resource['urn']} was gone after {needed}"


def _outlived(outcome: Outcome) -> set[str]:
    """What was replaced before, so that others need its replacement."""
    return {resource["urn"] for resource in outcome.before if resource.get("delete")}


def _made_again(outcome: Outcome) -> set[str]:
    return {urn for way, urn in _replacements(outcome) if way == _DELETE_FIRST}


def _moment(outcome: Outcome, stage: str, ops: Set[str], urn: str) -> float:
    """When that last happened to the resource; where it did not, it is in nobody's way."""
    moments = [n for n, (stage_, op, urn_) in enumerate(outcome.log) if (stage_, urn_) == (stage, urn) and op in ops]
    never = float("inf") if stage == "running" else -1
    return max(moments, default=never)


def _replacements(outcome: Outcome) -> Steps:
    """In which order the replaced resources went and came."""
    done = [(op in _TAKING, urn) for stage, op, urn in outcome.log if stage != "running" and op in _MAKING | _TAKING]
    both = {urn for gone, urn in done if gone} & {urn for gone, urn in done if not gone}
    first = {urn: gone for gone, urn in reversed(done) if urn in both}
    return [(_DELETE_FIRST if gone else "create first", urn) for urn, gone in first.items() if not _is_local(urn)]


def _resources(ours: Outcome, theirs: Outcome, renaming: Renaming, unanswered: Set[str]) -> Iterator[str]:
    here, there = (_keyed(each.resources, unanswered) for each in (ours, theirs))
    for key in sorted({*here, *there}):
        if key in here and key in there:
            yield from renaming.differences(f"state of {key}", here[key], there[key])
        else:
            yield f"state of {key}: only {'here' if key in here else 'there'}"


def _keyed(resources: Iterable[Mapping[str, Any]], without: Set[str]) -> dict[str, dict[str, Any]]:
    """By URN, and the number of the one that shares it; without what is not told here."""
    found: dict[str, dict[str, Any]] = {}
    for resource in json.loads(json.dumps([each for each in resources if each["urn"] not in without])):
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


def _rows(ours: Outcome, theirs: Outcome, renaming: Renaming) -> Iterator[str]:
    there = {(*row.address[2:3], row.address.key): row for row in theirs.rows}
    here = _translated(ours.rows, there.keys(), renaming)
    for key in sorted({*here, *there}):
        if key in here and key in there:
            mine, its = here[key], there[key]
            for part in ("inputs", "outputs"):
                values = (_unsigned(getattr(row, part)) for row in (mine, its))
                yield from renaming.differences(f"{part} in the cloud of {key}", *values)
        else:
            yield f"in the cloud {key}: only {'here' if key in here else 'there'}"


def _unsigned(values: Any) -> Any:
    """Without the mark of a package, which only Pulumi's provider puts beside its hash."""
    if not isinstance(values, Mapping):
        return values
    return {name: _unsigned(value) for name, value in values.items() if name != wire.SIGNATURE_KEY}


def _translated(
    rows: Iterable[StoredResource], there: Set[tuple[str, str]], renaming: Renaming
) -> dict[tuple[str, str], StoredResource]:
    """By what they are there called; one that no state knows is taken for the only one of its type that is left."""
    found = {(row.address.type, renaming.translated(row.address.key)): row for row in rows}
    left = {type_: (type_, key) for type_, key in there - found.keys()}
    unknown = Counter(type_ for type_, _ in found.keys() - there)
    return {left.get(key[0], key) if key not in there and unknown[key[0]] == 1 else key: found[key] for key in found}

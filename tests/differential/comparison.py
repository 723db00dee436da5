"""Compares two outcomes; generated texts, times and the order of independent operations may differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import type_of_urn
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import StoredResource
from tests.differential.deployer import Steps
from tests.differential.engine_runners import Outcome
from tests.differential.name_mapping import NameMapping

# the sandbox does not record where and when a resource was made, nor what the engine keeps about plugins
_NOT_COMPARED = frozenset({"created", "modified", "sourcePosition", "stackTrace", "__internal"})

_REMOVE_PENDING = "remove-pending-replace"
# counted by the plan; the other steps are parts of a replacement, which the log has
_COUNTED = frozenset({"create", "update", "same", "replace", "delete"})
_LOGGED = {
    "create": "create",
    "create-replacement": "replace",
    "replace": "replace",
    "update": "update",
    "delete": "delete",
    "delete-replaced": "delete",
}


def differences(ours: Outcome, theirs: Outcome, names: NameMapping, ignored: Set[str] = frozenset()) -> list[str]:
    """All differences, except those of the resources in `ignored`."""
    return [
        *_compare_previews(ours, theirs),
        *_compare_errors(ours, theirs),
        *(_compare_counts("step", _steps(ours), _steps(theirs)) if not ours.error else ()),
        *_compare_counts("operation", _operations(ours, ignored), _operations(theirs, ignored)),
        *(_compare_counts("replacement", _replacements(ours), _replacements(theirs)) if not ignored else ()),
        *(f"order in the sandbox: {fault}" for fault in _find_order_faults(ours)),
        *(f"order in Pulumi: {fault}" for fault in _find_order_faults(theirs)),
        *_compare_states(ours, theirs, names, ignored),
        *(_compare_rows(ours, theirs, names) if not ignored else ()),
    ]


def find_undecided(ours: Outcome, theirs: Outcome) -> frozenset[str]:
    """The resources whose existence is open: Pulumi's deletes have no fixed order, and one of them failed."""
    if not (_has_failed_delete(ours) and _has_failed_delete(theirs)):
        return frozenset()
    deleted = {urn for op, urn in theirs.steps if op in _DELETING}
    kept = {urn for op, urn in theirs.steps if op not in _DELETING} - deleted
    return frozenset({resource["urn"] for resource in theirs.before + theirs.resources} - kept)


def _has_failed_delete(outcome: Outcome) -> bool:
    protected_deletes = _protected(outcome)
    return any(
        stage == "failed" and op in _DELETING and (op, urn) not in protected_deletes for stage, op, urn in outcome.log
    )


def count_operations(outcome: Outcome) -> int:
    """The number of compared operations."""
    return len(_steps(outcome))


def _compare_errors(ours: Outcome, theirs: Outcome) -> Iterator[str]:
    if bool(ours.error) != bool(theirs.error):
        yield f"error: {ours.error or 'none'} in the sandbox, {theirs.error or 'none'} in Pulumi"
    elif not ours.failed - find_undecided(ours, theirs) <= theirs.failed:  # any of several deletes may be the first
        yield f"failed: {sorted(ours.failed)} in the sandbox, {sorted(theirs.failed)} in Pulumi"


def _compare_previews(ours: Outcome, theirs: Outcome) -> Iterator[str]:
    if ours.previewed is None or theirs.previewed is None:
        if ours.previewed is not theirs.previewed:
            yield f"preview: refused only {'in the sandbox' if ours.previewed is None else 'in Pulumi'}"
    else:
        yield from _compare_counts("previewed", *map(_in_plan, (ours.previewed, theirs.previewed)))


def _in_plan(steps: Steps) -> Steps:
    """The steps that a plan counts; Pulumi reports a delete in two steps if the replacement of another caused it."""
    parted = {urn for op, urn in steps if op == "delete-replaced"} & {urn for op, urn in steps if op == _REMOVE_PENDING}
    return [(op, urn) for op, urn in steps if op in _COUNTED] + [("delete", urn) for urn in sorted(parted)]


def _steps(outcome: Outcome) -> Steps:
    protected_deletes = _protected(outcome)
    return [step for step in _in_plan(outcome.steps) if step not in protected_deletes]


def _operations(outcome: Outcome, ignored: Set[str]) -> Steps:
    """The operations that reached the cloud."""
    protected_deletes = _protected(outcome) | {(op, urn) for op in _DELETING for urn in ignored}
    return [
        (f"{_LOGGED[op]} {stage}", urn)
        for stage, op, urn in outcome.log
        if op in _LOGGED and stage != "running" and not _is_local(urn) and (op, urn) not in protected_deletes
        if op != "replace" or not _has_parts(outcome)
    ]


def _protected(outcome: Outcome) -> set[tuple[str, str]]:
    """The deletes of protected resources, which Pulumi starts only to refuse them; the sandbox does not start them."""
    protected = {resource["urn"] for resource in outcome.resources if resource.get("protect")}
    return {(op, urn) for stage, op, urn in outcome.log if (stage, op) == ("failed", "delete") and urn in protected}


def _has_parts(outcome: Outcome) -> bool:
    """Whether the log has the parts of a replacement; Pulumi also logs the whole."""
    return any(op == "create-replacement" for _, op, _ in outcome.log)


def _is_local(urn: str) -> bool:
    return type_of_urn(urn).startswith(("pulumi:", "differential:"))


def _compare_counts(what: str, ours: Iterable[tuple[str, str]], theirs: Iterable[tuple[str, str]]) -> Iterator[str]:
    here, there = Counter(ours), Counter(theirs)
    for (op, urn), _ in sorted(((here - there) + (there - here)).items()):
        yield f"{what} {op} of {urn}: {here[op, urn]} in the sandbox, {there[op, urn]} in Pulumi"


_DELETE_FIRST = "delete first"
_CREATING = frozenset({"create", "create-replacement", "replace", "update"})
_DELETING = frozenset({"delete", "delete-replaced"})


def _find_order_faults(outcome: Outcome) -> Iterator[str]:
    """Resources that were created before, or deleted after, one that they depend on.

    The rule does not hold for resources that are deleted first to be replaced.
    """
    for resource in outcome.resources:
        for needed in resource.get("dependencies", []) if not resource.get("delete") else ():
            if _last_index(outcome, "running", _CREATING, resource["urn"]) < _last_index(
                outcome, "done", _CREATING, needed
            ):
                yield f"{resource['urn']} was created before {needed}"
    for resource in outcome.before:
        for needed in {*resource.get("dependencies", [])} - _deleted_first(outcome) - _replaced_before(outcome):
            if _last_index(outcome, "running", _DELETING, needed) < _last_index(
                outcome, "done", _DELETING, resource["urn"]
            ):
                yield f"{resource['urn']} was deleted after {needed}"


def _replaced_before(outcome: Outcome) -> set[str]:
    """The resources that were replaced before: others depend on their replacement."""
    return {resource["urn"] for resource in outcome.before if resource.get("delete")}


def _deleted_first(outcome: Outcome) -> set[str]:
    return {urn for first, urn in _replacements(outcome) if first == _DELETE_FIRST}


def _last_index(outcome: Outcome, stage: str, ops: Set[str], urn: str) -> float:
    """The index of the resource's last such event; without one, a value that breaks no order."""
    moments = [n for n, (stage_, op, urn_) in enumerate(outcome.log) if (stage_, urn_) == (stage, urn) and op in ops]
    protected_deletes = float("inf") if stage == "running" else -1
    return max(moments, default=protected_deletes)


def _replacements(outcome: Outcome) -> Steps:
    """The replaced resources with the order of their delete and create."""
    done = [
        (op in _DELETING, urn) for stage, op, urn in outcome.log if stage != "running" and op in _CREATING | _DELETING
    ]
    both = {urn for gone, urn in done if gone} & {urn for gone, urn in done if not gone}
    first = {urn: gone for gone, urn in reversed(done) if urn in both}
    return [(_DELETE_FIRST if gone else "create first", urn) for urn, gone in first.items() if not _is_local(urn)]


def _compare_states(ours: Outcome, theirs: Outcome, names: NameMapping, ignored: Set[str]) -> Iterator[str]:
    here, there = (_by_urn(each.resources, ignored) for each in (ours, theirs))
    for key in sorted({*here, *there}):
        if key in here and key in there:
            yield from names.differences(f"state of {key}", here[key], there[key])
        else:
            yield f"state of {key}: only {'in the sandbox' if key in here else 'in Pulumi'}"


def _by_urn(resources: Iterable[Mapping[str, Any]], without: Set[str]) -> dict[str, dict[str, Any]]:
    """The comparable resources by URN, numbered if several share one."""
    found: dict[str, dict[str, Any]] = {}
    for resource in json.loads(json.dumps([each for each in resources if each["urn"] not in without])):
        key = resource["urn"] + (" (replaced)" if resource.get("delete") else "")
        while key in found:
            key += "+"
        found[key] = _comparable(resource)
    return found


def _comparable(resource: dict[str, Any]) -> dict[str, Any]:
    inputs = {name: value for name, value in resource.get("inputs", {}).items() if name not in _NOT_COMPARED}
    needs = {name: sorted(urns) for name, urns in resource.get("propertyDependencies", {}).items() if urns}
    lists = {name: sorted(resource.get(name) or ()) for name in ("dependencies", "additionalSecretOutputs")}
    failure = ["a provider's message" for _ in resource.get("initErrors", ())]
    comparable = {**resource, **lists, "inputs": inputs, "propertyDependencies": needs, "initErrors": failure}
    return {name: value for name, value in comparable.items() if name not in _NOT_COMPARED and value not in ({}, [])}


def _compare_rows(ours: Outcome, theirs: Outcome, names: NameMapping) -> Iterator[str]:
    there = {(*row.address[2:3], row.address.key): row for row in theirs.rows}
    here = _by_pulumi_key(ours.rows, there.keys(), names)
    for key in sorted({*here, *there}):
        if key in here and key in there:
            our_row, their_row = here[key], there[key]
            for part in ("inputs", "outputs"):
                values = (_without_signature(getattr(row, part)) for row in (our_row, their_row))
                yield from names.differences(f"cloud's {part} of {key}", *values)
        else:
            yield f"cloud's {key}: only {'in the sandbox' if key in here else 'in Pulumi'}"


def _without_signature(values: Any) -> Any:
    """The values without the signature that Pulumi's provider puts beside the hash of a package."""
    if not isinstance(values, Mapping):
        return values
    return {name: _without_signature(value) for name, value in values.items() if name != wire.SIGNATURE_KEY}


def _by_pulumi_key(
    rows: Iterable[StoredResource], there: Set[tuple[str, str]], names: NameMapping
) -> dict[tuple[str, str], StoredResource]:
    """By Pulumi's keys; an unknown key stands for the only other one of its type."""
    found = {(row.address.type, names.translate(row.address.key)): row for row in rows}
    left = {type_: (type_, key) for type_, key in there - found.keys()}
    unknown = Counter(type_ for type_, _ in found.keys() - there)
    return {left.get(key[0], key) if key not in there and unknown[key[0]] == 1 else key: found[key] for key in found}

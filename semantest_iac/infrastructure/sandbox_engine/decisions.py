"""Which operation brings a known resource to its goal."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.infrastructure.sandbox_engine.goals import Goal
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.values import Properties, bare
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud

_ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class Decision:
    """An operation, the properties that cause it, and whether a replaced resource goes before its successor."""

    op: str  # create, update, replace or same
    why: tuple[str, ...] = ()
    delete_first: bool = False


def decide(goal: Goal, old: ResourceState, cloud: Cloud) -> Decision:
    """Compare what is there with what is wanted, as the cloud's provider would."""
    diff = cloud.diff(goal.type, bare(old.inputs), bare(old.outputs), bare(goal.inputs))
    if not diff.changed:
        return Decision("same")
    replaces = set(diff.replaces) | _replaced_on_request(goal, diff.changed)
    if not replaces:
        return Decision("update", tuple(diff.changed))
    asked = goal.delete_before_replace
    return Decision("replace", tuple(sorted(replaces)), diff.delete_before_replace if asked is None else asked)


def _replaced_on_request(goal: Goal, changed: tuple[str, ...]) -> set[str]:
    if _ANYTHING in goal.replace_on_changes:
        return set(changed)
    return {
        name for name in changed if any(path.split(".")[0].split("[")[0] == name for path in goal.replace_on_changes)
    }


def with_ignored(goal: Goal, old: ResourceState) -> Properties:
    """The goal's inputs with every ignored path put back to what was there."""
    inputs = dict(goal.inputs)
    for path in goal.ignore_changes:
        _put_back(inputs, old.inputs, path.split("."))
    return inputs


def _put_back(inputs: Properties, old: Properties, steps: list[str]) -> None:
    first, *rest = steps
    if rest and isinstance(inputs.get(first), dict) and isinstance(old.get(first), dict):
        inputs[first] = dict(inputs[first])
        _put_back(inputs[first], old[first], rest)
    elif first in old:
        inputs[first] = old[first]
    else:
        inputs.pop(first, None)

"""Which operation brings a known resource to its goal.

Source of the rules: pulumi/pulumi, `pkg/resource/deploy/step_generator.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from semantest_iac.infrastructure.clouds.registry import place_of
from semantest_iac.infrastructure.sandbox_engine import paths
from semantest_iac.infrastructure.sandbox_engine.goals import Goal
from semantest_iac.infrastructure.sandbox_engine.regions import Regions
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.urns import provider_urn
from semantest_iac.infrastructure.sandbox_engine.values import bare
from semantest_iac.infrastructure.simulated_cloud.differences import Diff
from semantest_iac.infrastructure.simulated_cloud.values import UNKNOWN

_HALF_MADE = "#initerror"  # under this name `replace_on_changes` speaks of resources that were not completed


@dataclass(frozen=True, slots=True)
class Decision:
    """An operation, the properties that cause it, and whether a replaced resource goes before its successor."""

    op: Literal["update", "replace", "same"]
    why: tuple[str, ...] = ()
    delete_first: bool = False


def difference(wanted: ResourceState, old: ResourceState, regions: Regions) -> Diff:
    """What would change; a resource whose provider now works elsewhere is another resource."""
    if old.provider != wanted.provider and regions.differ(old.provider, wanted.provider):
        return Diff(("provider",), {}, ("provider",))
    if wanted.is_local:
        return _local_difference(wanted, old)
    return regions.of(wanted).diff(wanted.type, bare(old.inputs), bare(old.outputs), bare(wanted.inputs))


def _local_difference(wanted: ResourceState, old: ResourceState) -> Diff:
    """A provider that works elsewhere is another provider, and so are its resources."""
    names = sorted(wanted.inputs.keys() | old.inputs.keys())
    changed = tuple(name for name in names if wanted.inputs.get(name) != old.inputs.get(name))
    moves = wanted.is_provider and place_of(wanted.package) in changed
    return Diff(changed, {}, (place_of(wanted.package),) if moves else ())


def decide(goal: Goal, old: ResourceState, diff: Diff) -> Decision:
    """From a difference to an operation; what a program says about the way there comes before what the cloud says."""
    replaces = {*diff.replaces, *_replaced_on_request(goal.wanted.replace_on_changes, diff, old)}
    if replaces:
        asked = goal.delete_before_replace
        return Decision("replace", tuple(sorted(replaces)), diff.delete_before_replace if asked is None else asked)
    if diff.changed or old.init_errors:
        return Decision("update", diff.changed)
    return Decision("same")


def _replaced_on_request(requests: Iterable[str], diff: Diff, old: ResourceState) -> Iterator[str]:
    broken = (_HALF_MADE,) if old.init_errors else ()
    wanted = [paths.parse(text) for text in requests]
    for changed in (*diff.changed, *diff.detailed, *broken):
        if any(paths.covers(path, paths.parse(changed)) for path in wanted):
            yield str(paths.parse(changed)[0])


def swept_along(
    root: ResourceState, later: Iterable[ResourceState], regions: Regions
) -> list[tuple[ResourceState, tuple[str, ...]]]:
    """Those that cannot live through the root's replacement, in order, with the properties that force them.

    They are the ones that would be replaced if what they take from replaced resources were unknown; what their program
    last ignored forces nothing.
    """
    replaced, found = {root.urn}, []
    for state in later:
        why = _forced(state, replaced, regions)
        if why is not None:
            replaced.add(state.urn)
            found.append((state, why))
    return found


def _forced(state: ResourceState, replaced: set[str], regions: Regions) -> tuple[str, ...] | None:
    if not state.custom or state.external or state.pending_replacement:
        return None
    if provider_urn(state.provider) in replaced:
        return ("provider",)
    lost = {name for name, urns in state.property_dependencies.items() if replaced & set(urns)}
    if not lost & state.inputs.keys():
        return None
    unknown = {name: UNKNOWN if name in lost else value for name, value in state.inputs.items()}
    without = replace(state, inputs=paths.put_back(unknown, state.inputs, state.ignore_changes))
    decision = decide(Goal(without), state, difference(without, state, regions))
    return decision.why if decision.op == "replace" else None

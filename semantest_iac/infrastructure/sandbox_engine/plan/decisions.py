"""Checks a resource's inputs and decides which operation brings it to its desired state.

Source of the rules: pulumi/pulumi, `pkg/resource/deploy/step_generator.go`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from semantest_iac.infrastructure.clouds.registry import region_setting_of
from semantest_iac.infrastructure.sandbox_engine.plan import paths
from semantest_iac.infrastructure.sandbox_engine.plan.desired_state import DesiredState
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import provider_urn
from semantest_iac.infrastructure.sandbox_engine.protocol.values import to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import CloudResolver
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState
from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN

_INIT_ERROR_PATH = "#initerror"  # under this name `replace_on_changes` speaks of resources that were not completed


@dataclass(frozen=True, slots=True)
class Decision:
    """An operation, the properties that cause it, and whether a replaced resource goes before its successor."""

    op: Literal["update", "replace", "same"]
    why: tuple[str, ...] = ()
    delete_first: bool = False


def diff_resource(wanted: ResourceState, old: ResourceState, regions: CloudResolver) -> ResourceDiff:
    """What would change; a resource whose provider now works elsewhere is another resource."""
    if old.provider != wanted.provider and regions.differ(old.provider, wanted.provider):
        return ResourceDiff(("provider",), {}, ("provider",))
    if wanted.is_local:
        return _diff_local(wanted, old)
    return regions.of(wanted).diff(
        wanted.type, to_cloud_value(old.inputs), to_cloud_value(old.outputs), to_cloud_value(wanted.inputs)
    )


def _diff_local(wanted: ResourceState, old: ResourceState) -> ResourceDiff:
    """A provider that works elsewhere is another provider, and so are its resources."""
    names = sorted(wanted.inputs.keys() | old.inputs.keys())
    changed = tuple(name for name in names if wanted.inputs.get(name) != old.inputs.get(name))
    moves = wanted.is_provider and region_setting_of(wanted.package) in changed
    return ResourceDiff(changed, {}, (region_setting_of(wanted.package),) if moves else ())


def decide_operation(goal: DesiredState, old: ResourceState, diff: ResourceDiff) -> Decision:
    """From a difference to an operation; what a program says about the way there comes before what the cloud says."""
    replaces = {*diff.replaces, *_requested_replacements(goal.wanted.replace_on_changes, diff, old)}
    if replaces:
        asked = goal.delete_before_replace
        return Decision("replace", tuple(sorted(replaces)), diff.delete_before_replace if asked is None else asked)
    if diff.changed or old.init_errors:
        return Decision("update", diff.changed)
    return Decision("same")


def _requested_replacements(requests: Iterable[str], diff: ResourceDiff, old: ResourceState) -> Iterator[str]:
    broken = (_INIT_ERROR_PATH,) if old.init_errors else ()
    wanted = [paths.parse_path(text) for text in requests]
    for changed in (*diff.changed, *diff.detailed, *broken):
        if any(paths.path_covers(path, paths.parse_path(changed)) for path in wanted):
            yield str(paths.parse_path(changed)[0])


def forced_replacements(
    root: ResourceState, later: Iterable[ResourceState], regions: CloudResolver
) -> list[tuple[ResourceState, tuple[str, ...]]]:
    """Those that cannot live through the root's replacement, in order, with the properties that force them.

    They are the ones that would be replaced if what they take from replaced resources were unknown; what their program
    last ignored forces nothing.
    """
    replaced, found = {root.urn}, []
    for state in later:
        why = _forcing_properties(state, replaced, regions)
        if why is not None:
            replaced.add(state.urn)
            found.append((state, why))
    return found


def _forcing_properties(state: ResourceState, replaced: set[str], regions: CloudResolver) -> tuple[str, ...] | None:
    if not state.custom or state.external or state.pending_replacement:
        return None
    if provider_urn(state.provider) in replaced:
        return ("provider",)
    lost = {name for name, urns in state.property_dependencies.items() if replaced & set(urns)}
    if not lost & state.inputs.keys():
        return None
    unknown = {name: UNKNOWN if name in lost else value for name, value in state.inputs.items()}
    without = replace(state, inputs=paths.restore_ignored(unknown, state.inputs, state.ignore_changes))
    decision = decide_operation(DesiredState(without), state, diff_resource(without, state, regions))
    return decision.why if decision.op == "replace" else None


def check_resource(
    wanted: ResourceState, old: ResourceState | None, regions: CloudResolver
) -> tuple[ResourceState, list[str]]:
    """The resource with ignored changes put back and a physical name chosen, and all that is wrong with it.

    What was chosen before (`old`) stays; one that is made anew is named anew.
    """
    if old:
        wanted = replace(wanted, inputs=paths.restore_ignored(wanted.inputs, old.inputs, wanted.ignore_changes))
    if wanted.is_local:
        return wanted, []
    if not regions.of(wanted).supports(wanted.type):
        return wanted, [f"the simulated cloud has no rules for {wanted.type}"]
    return _with_physical_name(wanted, old, regions), _input_faults(wanted, regions)


def _with_physical_name(wanted: ResourceState, old: ResourceState | None, regions: CloudResolver) -> ResourceState:
    given, previous = to_cloud_value(wanted.inputs), to_cloud_value(old.inputs) if old else {}
    salt = uuid.uuid4().hex
    chosen = regions.of(wanted).add_physical_name(wanted.type, given, wanted.name, previous=previous, salt=salt)
    added = {name: value for name, value in chosen.items() if name not in given}
    return replace(wanted, inputs={**wanted.inputs, **added}) if added else wanted


def _input_faults(wanted: ResourceState, regions: CloudResolver) -> list[str]:
    failures = regions.of(wanted).check(wanted.type, to_cloud_value(wanted.inputs))
    return [f"{failure.property}: {failure.reason}" for failure in failures if not failure.warning]

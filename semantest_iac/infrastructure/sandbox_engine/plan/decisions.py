"""Checks a resource's inputs and decides which operation brings it to its desired state.

Source of the rules: pulumi/pulumi, `pkg/resource/deploy/step_generator.go`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from semantest_iac.domain.deployment.property_changes import parse_path
from semantest_iac.infrastructure.clouds.registry import region_setting_of
from semantest_iac.infrastructure.sandbox_engine.plan import paths
from semantest_iac.infrastructure.sandbox_engine.plan.desired_state import DesiredState
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import provider_urn
from semantest_iac.infrastructure.sandbox_engine.protocol.values import to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import CloudResolver
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState
from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN

_INIT_ERROR_PATH = "#initerror"  # how `replace_on_changes` refers to resources that were not fully created


@dataclass(frozen=True, slots=True)
class Decision:
    """An operation, the properties that cause it, and whether the old resource is deleted before its replacement
    exists.
    """

    op: Literal["update", "replace", "same"]
    why: tuple[str, ...] = ()
    delete_first: bool = False


def diff_resource(resource: ResourceState, old: ResourceState, clouds: CloudResolver) -> ResourceDiff:
    """Compare a resource with its last state; a provider that moved makes it another resource."""
    if old.provider != resource.provider and clouds.has_moved(old.provider, resource.provider):
        return ResourceDiff(("provider",), {}, ("provider",))
    if resource.is_local:
        return _diff_local(resource, old)
    return clouds.cloud_of(resource).diff(
        resource.type, to_cloud_value(old.inputs), to_cloud_value(old.outputs), to_cloud_value(resource.inputs)
    )


def _diff_local(resource: ResourceState, old: ResourceState) -> ResourceDiff:
    """Compare inputs; a provider that moved to another region is replaced, and with it its resources."""
    names = sorted(resource.inputs.keys() | old.inputs.keys())
    changed = tuple(name for name in names if resource.inputs.get(name) != old.inputs.get(name))
    moves = resource.is_provider and region_setting_of(resource.package) in changed
    return ResourceDiff(changed, {}, (region_setting_of(resource.package),) if moves else ())


def decide_operation(desired: DesiredState, old: ResourceState, diff: ResourceDiff) -> Decision:
    """Turn a difference into an operation; the program's options take precedence over the cloud's."""
    replaces = {*diff.replaces, *_requested_replacements(desired.resource.replace_on_changes, diff, old)}
    if replaces:
        return Decision("replace", tuple(sorted(replaces)), deletes_first(desired, diff))
    if diff.changed or old.init_errors:
        return Decision("update", diff.changed)
    return Decision("same")


def deletes_first(desired: DesiredState, diff: ResourceDiff) -> bool:
    """Whether a replacement deletes the old resource first: the program decides, or else the cloud."""
    requested = desired.delete_before_replace
    return diff.delete_before_replace if requested is None else requested


def mark_requested_replacements(requests: Iterable[str], detailed: Mapping[str, str]) -> dict[str, str]:
    """Return the kind of change by path, a replacement where the program requests one, as Pulumi's events say it."""
    patterns = [parse_path(text) for text in requests]
    return {
        path: f"{kind.removesuffix('-replace')}-replace"
        if any(paths.path_covers(pattern, parse_path(path)) for pattern in patterns)
        else kind
        for path, kind in detailed.items()
    }


def _requested_replacements(requests: Iterable[str], diff: ResourceDiff, old: ResourceState) -> Iterator[str]:
    broken = (_INIT_ERROR_PATH,) if old.init_errors else ()
    patterns = [parse_path(text) for text in requests]
    for changed in (*diff.changed, *diff.detailed, *broken):
        if any(paths.path_covers(path, parse_path(changed)) for path in patterns):
            yield str(parse_path(changed)[0])


def forced_replacements(
    root: ResourceState, later: Iterable[ResourceState], clouds: CloudResolver
) -> list[tuple[ResourceState, tuple[str, ...]]]:
    """Return the resources that must be replaced along with the root, in order, with the properties that force each.

    These are the resources that would be replaced if everything they read from replaced resources were unknown. A
    property whose changes their program ignored forces nothing.
    """
    replaced, found = {root.urn}, []
    for state in later:
        why = _forcing_properties(state, replaced, clouds)
        if why is not None:
            replaced.add(state.urn)
            found.append((state, why))
    return found


def _forcing_properties(state: ResourceState, replaced: set[str], clouds: CloudResolver) -> tuple[str, ...] | None:
    if not state.custom or state.external or state.pending_replacement:
        return None
    if provider_urn(state.provider) in replaced:
        return ("provider",)
    lost = {name for name, urns in state.property_dependencies.items() if replaced & set(urns)}
    if not lost & state.inputs.keys():
        return None
    unknown = {name: UNKNOWN if name in lost else value for name, value in state.inputs.items()}
    without = replace(state, inputs=paths.restore_ignored(unknown, state.inputs, state.ignore_changes))
    decision = decide_operation(DesiredState(without), state, diff_resource(without, state, clouds))
    return decision.why if decision.op == "replace" else None


def check_resource(
    resource: ResourceState, old: ResourceState | None, clouds: CloudResolver
) -> tuple[ResourceState, list[str]]:
    """Return the resource with ignored changes restored and a physical name chosen, and all its faults.

    A name chosen before (in `old`) stays; a new resource gets a new name.
    """
    if old:
        resource = replace(resource, inputs=paths.restore_ignored(resource.inputs, old.inputs, resource.ignore_changes))
    if resource.is_local:
        return resource, []
    if not clouds.cloud_of(resource).supports(resource.type):
        return resource, [f"the simulated cloud has no rules for {resource.type}"]
    return _with_physical_name(resource, old, clouds), _input_faults(resource, clouds)


def _with_physical_name(resource: ResourceState, old: ResourceState | None, clouds: CloudResolver) -> ResourceState:
    given, previous = to_cloud_value(resource.inputs), to_cloud_value(old.inputs) if old else {}
    salt = uuid.uuid4().hex
    chosen = clouds.cloud_of(resource).add_physical_name(
        resource.type, given, resource.name, previous=previous, salt=salt
    )
    added = {name: value for name, value in chosen.items() if name not in given}
    return replace(resource, inputs={**resource.inputs, **added}) if added else resource


def _input_faults(resource: ResourceState, clouds: CloudResolver) -> list[str]:
    failures = clouds.cloud_of(resource).check(resource.type, to_cloud_value(resource.inputs))
    return [f"{failure.property}: {failure.reason}" for failure in failures if not failure.warning]

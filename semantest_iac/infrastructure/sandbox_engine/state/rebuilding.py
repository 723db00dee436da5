"""Compares the stored state of a stack with what the simulated cloud has of it, and rebuilds a lost state from that.

Each resource in the cloud is marked with the URN under which the stack owns it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, order_by_dependencies
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import StoredResource

_STACK_TAG = "Stack"
_SHORTEST_REFERENCE = 6  # shorter ids, as `api`, stand in other texts too
_REFERENCE_OUTPUTS = ("arn", "id", "name")


def mark_of_stack(stack: Stack) -> str:
    """Return how the owner marks of all resources of a stack begin."""
    return f"urn:pulumi:{stack}::"


def count_resources_of_stack(stack: Stack, find_cloud: Callable[[str, str], SimulatedCloud]) -> int:
    """Count what the cloud has of a stack, by owner marks, or by tags where an earlier version made it."""
    cloud = find_cloud(CLOUDS[stack.provider].package, stack.region)
    return cloud.count_owned(mark_of_stack(stack), _STACK_TAG, str(stack))


def has_unmarked_resources(stack: Stack, find_cloud: Callable[[str, str], SimulatedCloud]) -> bool:
    """Whether the cloud has resources of a stack that an earlier version made: without marks no rebuild has them."""
    cloud = find_cloud(CLOUDS[stack.provider].package, stack.region)
    return count_resources_of_stack(stack, find_cloud) > len(cloud.list_owned(mark_of_stack(stack)))


def state_missing_error(stack: Stack, resources: int) -> ProviderError:
    """Return the error for a stack whose resources exist and whose state does not."""
    return ProviderError(
        f"Cannot read the state of '{stack}': the file {stack}.json is missing,"
        f" and the simulated cloud has {resources} resources of the stack.",
        "STATE_MISSING",
        provider=stack.provider,
        hint="Run `semantest-iac repair`, which rebuilds it from the simulated cloud, or put back a copy of the file.",
    )


def rebuild_state(stack: Stack, find_cloud: Callable[[str, str], SimulatedCloud]) -> list[ResourceState]:
    """Return the resources of a stack as the cloud has them; those without an owner mark are left out.

    Values that the cloud keeps masked are masked in the state: the next deployment writes them again. The state has no
    components and providers, which the next deployment registers.
    """
    cloud = find_cloud(CLOUDS[stack.provider].package, stack.region)
    rows = cloud.list_owned(mark_of_stack(stack))
    states = [_to_state(row) for row in rows]
    references = [(state.urn, _references_to(row)) for state, row in zip(states, rows, strict=True)]
    texts = [json.dumps(dict(row.inputs)) for row in rows]
    linked = [_with_dependencies(*each, references) for each in zip(states, texts, strict=True)]
    return order_by_dependencies(linked)


def mark_owners(states: Iterable[ResourceState], find_cloud: Callable[[ResourceState], SimulatedCloud]) -> None:
    """Mark the resources of a state in the cloud; those that an earlier version made have no mark yet."""
    for state in states:
        if not (state.is_local or state.external or state.delete or state.pending_replacement):
            find_cloud(state).mark_owner(state.type, state.id, state.outputs, f"{state.urn}#")


def has_lost_every_resource(
    states: Iterable[ResourceState], find_cloud: Callable[[ResourceState], SimulatedCloud]
) -> bool:
    """Whether the clouds have none of the state's resources, as after a loss of their file; one query for each cloud.

    What somebody deleted in a cloud is seen only by a refresh, as in a real one.
    """
    existing: dict[int, set[tuple[str, str]]] = {}
    is_empty = True
    for state in states:
        if state.is_local or state.external or state.delete or state.pending_replacement:
            continue
        cloud = find_cloud(state)
        if id(cloud) not in existing:
            existing[id(cloud)] = cloud.list_ids()
        if (state.type, state.id) in existing[id(cloud)]:
            return False
        is_empty = False
    return not is_empty


def _to_state(row: StoredResource) -> ResourceState:
    urn = row.owner.rpartition("#")[0]
    state = ResourceState(urn, row.address.type, custom=True, inputs=row.inputs)
    return state.with_outputs(row.outputs, row.id)


def _references_to(row: StoredResource) -> Sequence[str]:
    values = [row.id, *(row.outputs.get(name) for name in _REFERENCE_OUTPUTS)]
    return [value for value in values if isinstance(value, str) and len(value) >= _SHORTEST_REFERENCE]


def _with_dependencies(
    state: ResourceState, text: str, references: Iterable[tuple[str, Sequence[str]]]
) -> ResourceState:
    """Let a resource depend on those whose id, name or ARN its inputs hold, so that it is deleted before them."""
    needed = (urn for urn, values in references if urn != state.urn and any(value in text for value in values))
    return replace(state, dependencies=tuple(dict.fromkeys(needed)))

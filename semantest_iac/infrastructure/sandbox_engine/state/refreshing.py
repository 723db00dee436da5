"""Reads the resources of a state from their cloud, and says how they differ from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from semantest_iac.infrastructure.sandbox_engine.protocol.values import to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, Snapshot
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud


class DriftedState(NamedTuple):
    """A resource as the state has it and as the cloud has it, None if it is gone there."""

    known: ResourceState
    found: ResourceState | None


class RefreshedState(NamedTuple):
    """The resources as the cloud has them, without those that are gone, and what was changed outside of this tool."""

    resources: tuple[ResourceState, ...]
    drift: tuple[DriftedState, ...]


def refresh_state(snapshot: Snapshot, find_cloud: Callable[[ResourceState], SimulatedCloud]) -> RefreshedState:
    """Read every resource of the state from its cloud."""
    pairs = [(state, _read_resource(state, find_cloud)) for state in snapshot]
    drift = [DriftedState(*pair) for pair in pairs if not pair[0].delete and _differ(*pair)]
    return RefreshedState(tuple(found for _, found in pairs if found), tuple(drift))


def _read_resource(state: ResourceState, find_cloud: Callable[[ResourceState], SimulatedCloud]) -> ResourceState | None:
    if state.is_local or state.external:
        return state
    outputs = find_cloud(state).read(state.type, state.id, to_cloud_value(state.outputs))
    return None if outputs is None else state.with_outputs(outputs, state.id)


def _differ(known: ResourceState, found: ResourceState | None) -> bool:
    return found is None or to_cloud_value(known.outputs) != to_cloud_value(found.outputs)

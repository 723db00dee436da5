"""Resources that somebody else keeps: looked at, remembered, never changed (`Resource.get` in a program)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from semantest_iac.infrastructure.sandbox_engine import wire
from semantest_iac.infrastructure.sandbox_engine.regions import Regions
from semantest_iac.infrastructure.sandbox_engine.run import Run
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.urns import urn_of
from semantest_iac.infrastructure.sandbox_engine.values import bare


def reader(run: Run, regions: Regions, *, stack: str, project: str) -> Callable[[Any], ResourceState]:
    """Answers ReadResource requests within one run."""

    def read(request: Any) -> ResourceState:
        state = ResourceState(
            urn=urn_of(stack, project, request.parent, request.type, request.name),
            type=request.type,
            custom=True,
            id=request.id,
            inputs=wire.decode(request.properties),
            parent=request.parent,
            provider=request.provider,
            dependencies=tuple(sorted(request.dependencies)),
            external=True,
        )
        return run.look_at(state, regions.of(state).read(state.type, state.id, bare(state.inputs)))

    return read

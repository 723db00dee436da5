"""Functions that run on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessFunction(Resource):
    """A memory size (MB), a timeout (seconds) and settings; secrets are references, the code is an artifact."""

    memory_mb: int
    timeout_s: int
    identity: Ref
    log_store: Ref
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Ref] = field(default_factory=dict)
    network: Ref | None = None
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    tracing: bool = True

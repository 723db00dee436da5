"""Services that run a container image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerService(Resource):
    """A service of identical containers that listen on `port`; secrets are references."""

    image: str
    port: int
    cpu: float
    memory_mb: int
    identity: Ref
    log_store: Ref
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Ref] = field(default_factory=dict)
    network: Ref | None = None
    scaling: ScalingPolicy = field(default_factory=lambda: ScalingPolicy(minimum=1))

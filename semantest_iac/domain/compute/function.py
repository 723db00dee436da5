"""Functions that run on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessFunction(Resource):
    """A memory size (MB), a timeout (seconds) and settings; secrets are references, the code is an artifact.

    `purpose` tells it apart from the stack's main function, in its name. `package` names one of the artifact's
    companions that it runs instead of the artifact. It is told how to reach the resources that it `uses`.
    """

    memory_mb: int
    timeout_s: int
    identity: Ref
    log_store: Ref
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Ref] = field(default_factory=dict)
    network: Ref | None = None
    scaling: ScalingPolicy = field(default_factory=ScalingPolicy)
    tracing: bool = True
    purpose: str = ""
    package: str = ""
    uses: tuple[Ref, ...] = ()

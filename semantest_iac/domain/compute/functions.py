"""Serverless functions, the packages that they run, and their scaling."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from semantest_iac.domain.resource import Ref, Resource

CONCURRENCY_SHARE = 0.8  # of the most instances at once
DEFAULT_CONCURRENCY = 1000  # instances at once if no maximum is configured


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished package, named by the sha256 of its bytes.

    `handler` and `runtime` are what the cloud must be told, which is not always what the source said;
    `notes` are sentences for the person, such as links that were left out. `companions` are the packages of the
    stack's other functions.
    """

    digest: str
    path: Path
    handler: str
    runtime: str
    size: int
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    companions: Mapping[str, Artifact] = field(default_factory=dict)

    @property
    def source_code_hash(self) -> str:
        """The digest as Lambda writes it (CodeSha256): base64 of the sha256, not of its hex form."""
        return base64.b64encode(bytes.fromhex(self.digest)).decode("ascii")


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """Between how many instances a component scales.

    `minimum` instances are kept warm (0: none); without a `maximum` the limit of the account holds.
    """

    minimum: int = 0
    maximum: int | None = None


class ScalingService:
    """Decides how a component scales, and when it comes near its limit."""

    def choose_policy(
        self, default: ScalingPolicy, minimum: int | None, maximum: int | None, *, auto_scale: bool = True
    ) -> ScalingPolicy:
        """Return the configured policy; without `auto_scale` the number of instances is fixed, at least 1."""
        least = default.minimum if minimum is None else minimum
        if auto_scale:
            return ScalingPolicy(least, default.maximum if maximum is None else maximum)
        fixed = max(least, 1)
        return ScalingPolicy(fixed, fixed)

    def choose_concurrency_threshold(self, policy: ScalingPolicy) -> int:
        """Return the number of instances at once from which an alarm is due."""
        most = DEFAULT_CONCURRENCY if policy.maximum is None else policy.maximum
        return max(1, int(most * CONCURRENCY_SHARE))


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

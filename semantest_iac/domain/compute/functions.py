"""Serverless functions: their source, their built package, their scaling, and the function resource."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from semantest_iac.domain.environments.names import DEFAULT_PROVIDER
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True)
class FunctionSource:
    """What a person named: no folder is the service `bundled` with us, a `.zip` is a finished package.

    `entry` is a server that binds its own port, relative to the folder; `handler` is `module.function`. Without a
    `runtime` the files of the source say which language it is, and the provider's default of that language is taken.
    """

    folder: Path | None = None
    entry: str = ""
    handler: str = ""
    runtime: str = ""
    provider: str = DEFAULT_PROVIDER
    bundled: str = "health_service"


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
    """`minimum` copies are kept warm (0: none), `maximum` run at once (None: the account's limit)."""

    minimum: int = 0
    maximum: int | None = None


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

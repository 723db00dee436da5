"""Serverless functions, and the packages that they run."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished package, named by the sha256 of its bytes.

    `handler` and `runtime` are those that the cloud is given, which may differ from the source's; `notes` are remarks
    for the user, such as omitted links. `companions` are the packages of the stack's other functions, by their
    purposes. `handlers` are given by function where the cloud calls a handler of each.
    """

    digest: str
    path: Path
    handler: str
    runtime: str
    size: int
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    companions: Mapping[str, Artifact] = field(default_factory=dict)
    handlers: Mapping[str, str] = field(default_factory=dict)

    @property
    def source_code_hash(self) -> str:
        """Return the sha256 in base64, not in hex."""
        return base64.b64encode(bytes.fromhex(self.digest)).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessFunction(Resource):
    """A function that runs the artifact of its stack; memory in MB, timeout in seconds, secrets by reference.

    `purpose` distinguishes it from the stack's main function and is part of its name. `package` names the companion of
    the artifact that it runs instead. Its environment variables say how to reach the resources that it `uses`.
    `host_function` is the one whose app it shares, on clouds where one app runs several functions. `kept_version` is
    the one that stays live beside this one, which clouds without published versions run as it is.
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
    host_function: Ref | None = None
    kept_version: str = ""

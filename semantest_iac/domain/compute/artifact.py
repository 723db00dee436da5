"""What a function is made of before and after packaging."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


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
    provider: str = "aws"
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

"""The port that turns source code into a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.environments.names import DEFAULT_PROVIDER
from semantest_iac.domain.environments.settings import PackageSettings


@dataclass(frozen=True, slots=True)
class FunctionSource:
    """The source of one function: a folder, a finished package (`.zip`), or without both the service `bundled` here.

    `entry` is a server that binds its own port, relative to the folder; `handler` is `module.function`. Without a
    `runtime` the files decide the language, and its default runtime is taken. `package` changes what is packaged.
    """

    folder: Path | None = None
    entry: str = ""
    handler: str = ""
    runtime: str = ""
    provider: str = DEFAULT_PROVIDER
    bundled: str = "health_service"
    package: PackageSettings = field(default_factory=PackageSettings)


@dataclass(frozen=True, slots=True)
class FunctionApp:
    """The functions of one stack that are packaged together: the main one and its companions by purpose."""

    main: FunctionSource
    companions: Mapping[str, FunctionSource] = field(default_factory=dict)


class ArtifactBuilder(Protocol):
    """Packages function sources; the same source gives the same bytes."""

    def build(self, source: FunctionSource) -> Artifact:
        """Package the source without writing into its folder; blocks, and raises ArtifactError."""
        ...

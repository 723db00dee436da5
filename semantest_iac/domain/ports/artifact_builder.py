"""The port that turns source code into a package."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.environments.names import DEFAULT_PROVIDER
from semantest_iac.domain.environments.settings import PackageSettings
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.ports.provisioner import ReportProgress, ignore_progress, report_step


@dataclass(frozen=True, slots=True)
class FunctionCode:
    """What one of several functions starts with, and its own runtime if it is not that of the source."""

    handler: str = ""
    app: str = ""
    runtime: str = ""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """What an image of a source starts, and where that listens; without a `base`, the files decide what is below."""

    start: str
    port: int
    base: str = ""


@dataclass(frozen=True, slots=True)
class FunctionSource:
    """The source of one function: a folder, a finished package (`.zip`), or without both the service `bundled` here.

    `entry` is a server that binds its own port, relative to the folder; `handler` is `module.function`; `app` is
    `module:attribute`, an ASGI or WSGI application. Without a `runtime` the files decide the language, and its default
    runtime is taken. `package` changes what is packaged. `build` are commands, as written, that run in a private copy
    of the folder first. `functions` are further functions in the same folder, by name. With `has_messages` they get
    messages or send some, with `has_calls` they call each other. With `is_site` it holds the files of a static site,
    in its folder `output`. With an `image` it is the code of a service, and its package an image.
    """

    folder: Path | None = None
    entry: str = ""
    handler: str = ""
    runtime: str = ""
    provider: str = DEFAULT_PROVIDER
    bundled: str = "health_service"
    package: PackageSettings = field(default_factory=PackageSettings)
    build: tuple[str, ...] = ()
    functions: Mapping[str, FunctionCode] = field(default_factory=dict)
    app: str = ""
    has_messages: bool = False
    has_calls: bool = False
    is_site: bool = False
    output: str = ""
    image: ImageSource | None = None

    @property
    def has_main_function(self) -> bool:
        """Whether the source has a function besides the named ones."""
        return bool(self.entry or self.handler or self.app)

    @property
    def has_application(self) -> bool:
        """Whether one of the functions is an ASGI or WSGI application."""
        return bool(self.app) or any(code.app for code in self.functions.values())


@dataclass(frozen=True, slots=True)
class FunctionApp:
    """The sources of one stack that are packaged together: the main one and its companions by purpose."""

    main: FunctionSource
    companions: Mapping[str, FunctionSource] = field(default_factory=dict)

    @property
    def images(self) -> Mapping[str, FunctionSource]:
        """The sources of which images are made, by the names of their services."""
        return {name.partition(":")[2]: it for name, it in self.companions.items() if it.image}


@dataclass(frozen=True, slots=True)
class PackagingRun:
    """One run of a builder: where its steps are reported, and whether the caller still wants the package."""

    progress: ReportProgress = ignore_progress
    cancelled: Event = field(default_factory=Event)

    def report_step(self, op: str, name: str) -> AbstractContextManager[None]:
        """Report that a step (`install`, `build` or `bundle`) begins, and how it ends."""
        return report_step(self.progress, op, name)


class ArtifactBuilder(Protocol):
    """Packages function sources; the same source gives the same bytes."""

    def build(self, source: FunctionSource, run: PackagingRun = ...) -> Artifact:
        """Package the source without writing into its folder; blocks, and raises ArtifactError.

        Functions with a runtime of their own are in packages of their own, the companions of the artifact.
        """
        ...

    def find_packaging_faults(self, source: FunctionSource) -> tuple[Fault, ...]:
        """Return what is wrong with the source as far as it shows without building it; paths are the options' names."""
        ...

    def find_packaging_notes(self, source: FunctionSource) -> tuple[str, ...]:
        """Return what packaging would say of secret-looking files that it leaves out, without packaging. Blocks."""
        ...

    def find_base_path(self, artifact: Artifact, provider: str) -> str:
        """Return the path below which a package answers, such as `/api`; empty if it answers at the root. Blocks."""
        ...

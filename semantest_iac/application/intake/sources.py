"""Where the sources lie that a configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from semantest_iac.application.intake.written import Written
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import Configuration
from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.errors import Fault


def in_place(written: Written) -> Configuration:
    """Sources as absolute paths: they are relative to the file that names them, others to the working directory."""
    components = {
        name: section.model_copy(update={"source": str(_folder_of(name, written) / section.source)})
        if section.source
        else section
        for name, section in written.configuration.components.items()
    }
    return written.configuration.model_copy(update={"components": components} if components else {})


def _folder_of(component: str, written: Written) -> Path:
    place = written.places.get(f"components.{component}.source")
    return Path(place.source).absolute().parent if place and place.line else Path.cwd()


def missing(stack: Stack, configuration: Configuration) -> Iterator[Fault]:
    """The source of the stack's component, where there is nothing of the kind."""
    section = configuration.components.get(stack.component)
    if section and section.source and not _exists(Path(section.source)):
        path = f"components.{stack.component}.source"
        yield Fault(path, f"'{shown(section.source, 200)}' does not exist", "Name a folder or a .zip.")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file system takes
        return False

"""The files of a Pulumi backend, in a folder or in an object store, by their names below `.pulumi`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from semantest_iac.infrastructure.artifact_stores.state_objects import StateObjects
from semantest_iac.infrastructure.durable_files import make_private_folder, remove_file, replace_file
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings

_INCOMPLETE = "*.json.*.tmp"  # the CLI writes such a file and renames it
_COMPLETION_S = 1.0


class StateFiles(Protocol):
    """The files of a backend; writing one replaces it as a whole."""

    def locate(self, name: str) -> str:
        """Return the path or URL of a file, as it is shown."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, None if there is none."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Give a file this content."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file that may be gone already."""
        ...

    def list_files(self, folder: str) -> list[str]:
        """Return the names of all files below a folder, sorted."""
        ...

    def remove_incomplete(self, folder: str) -> None:
        """Remove what the CLI left of files in a folder that it could not write, as on a full disk."""
        ...


class StateFolder:
    """The files of a backend that is a folder, given with its `.pulumi`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def locate(self, name: str) -> str:
        return str(self._folder / name)

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        make_private_folder(path.parent)
        replace_file(path, content)

    def delete(self, name: str) -> None:
        remove_file(self._folder / name)

    def list_files(self, folder: str) -> list[str]:
        found = (self._folder / folder).rglob("*")
        return sorted(str(path.relative_to(self._folder)) for path in found if path.is_file())

    def remove_incomplete(self, folder: str) -> None:
        """A process that is about to complete one needs a moment."""
        if incomplete := list((self._folder / folder).glob(_INCOMPLETE)):
            time.sleep(_COMPLETION_S)
            for path in incomplete:
                path.unlink(missing_ok=True)


def open_state_files(settings: BackendSettings, variables: Mapping[str, str]) -> StateFiles | None:
    """Return the files of a backend; None for Pulumi Cloud, which has none. Opens no connection."""
    if folder := settings.file_backend:
        return StateFolder(folder)
    url = settings.backend_url
    return None if urlsplit(url).scheme in ("http", "https") else StateObjects(url, variables)

"""The configuration of a folder as it is now, for processes that go on while people change it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.application.intake.event_requests import LoadEnvironment

_WATCHED_FILES = ("semantest*.yaml", ".env")
_MOST_LOADED = 64


class ConfigurationReader(Protocol):
    """Loads the configuration from the sources of its keywords."""

    def configuration(self, **sources: Any) -> LoadedConfiguration: ...


class ConfigurationLoader:
    """Loads the configuration of this folder for one environment after the other, again when a file has changed."""

    def __init__(self, reader: ConfigurationReader, file: Path | None = None, overrides: Sequence[str] = ()) -> None:
        self._reader = reader
        self._file = file
        self._overrides = tuple(overrides)
        self._folder = Path.cwd()
        self._loaded: dict[str, LoadedConfiguration] = {}
        self._files: tuple[Any, ...] = ()

    def load(self, options: Mapping[str, str | None], values: Mapping[str, Any]) -> LoadedConfiguration:
        """Return the configuration for these options, with these values over it."""
        files = tuple(self._describe_files())
        if files != self._files or len(self._loaded) > _MOST_LOADED:
            self._loaded, self._files = {}, files
        key = json.dumps([options, values], sort_keys=True)
        if key not in self._loaded:
            self._loaded[key] = self._reader.configuration(
                folder=self._folder,
                file=self._file,
                environ=os.environ,
                values=values,
                overrides=self._overrides,
                options=options,
            )
        return self._loaded[key]

    def _describe_files(self) -> Iterator[tuple[str, int, int, int]]:
        named = [self._file] if self._file else []
        for path in (*named, *(path for pattern in _WATCHED_FILES for path in sorted(self._folder.glob(pattern)))):
            try:
                status = path.stat()
            except OSError:
                continue
            yield str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size  # a right changes the second alone


def watch_folder(
    reader: ConfigurationReader, file: Path | None = None, overrides: Sequence[str] = ()
) -> LoadEnvironment:
    """Return what loads the configuration of this folder, or of a file, as it is now."""
    return partial(ConfigurationLoader(reader, file, overrides).load)

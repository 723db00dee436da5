"""A folder to write configuration files into, and the reader pointed at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.infrastructure.configuration.loading import (
    ConfigurationSources,
    ParsedConfiguration,
    read_configuration,
)

Write = Callable[..., Path]
Read = Callable[..., ParsedConfiguration]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the test, so that faults name files and not where they lie."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Write:
    """Write text into a file of the folder; semantest.yaml unless named."""

    def written(text: str, name: str = "semantest.yaml") -> Path:
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def reading(folder: Path) -> Read:
    """Read the folder's configuration with the sources given."""
    return lambda **sources: read_configuration(ConfigurationSources(**sources))

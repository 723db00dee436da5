from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.infrastructure.configuration.loading import (
    ConfigurationSources,
    ParsedConfiguration,
    read_configuration,
)

WriteFile = Callable[..., Path]
ReadConfiguration = Callable[..., ParsedConfiguration]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's working directory, so that faults name files without their folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_file(folder: Path) -> WriteFile:
    """WriteFile text into a file of the folder, semantest.yaml by default."""

    def write(text: str, name: str = "semantest.yaml") -> Path:
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def read(folder: Path) -> ReadConfiguration:
    return lambda **sources: read_configuration(ConfigurationSources(**sources))

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.infrastructure.artifacts.builds.bundles import find_bundler_version
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from tests.node_packages import link_packages

Tree = Mapping[str, str | bytes]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def builder(home: Path) -> PackageBuilder:
    """A builder whose home has esbuild, or a skip."""
    link_packages(home / "tools" / f"esbuild-{find_bundler_version()}" / "node_modules", "esbuild", "@esbuild")
    return PackageBuilder(home)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def write_files() -> Callable[[Path, Tree], None]:
    def write(folder: Path, tree: Tree) -> None:
        for path, content in tree.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)

    return write


@pytest.fixture
def list_names() -> Callable[[Artifact], list[str]]:
    def names(artifact: Artifact) -> list[str]:
        with zipfile.ZipFile(artifact.path) as archive:
            return archive.namelist()

    return names


@pytest.fixture
def without_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let npm reach no registry: packages come from folders beside the source."""
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")

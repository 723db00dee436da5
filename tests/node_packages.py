"""The npm packages that tests need: `make` downloads them before by the hashes of tests/node/package-lock.json."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

_PACKAGES = Path(__file__).parents[1] / ".venv" / "node" / "node_modules"


def find_packages() -> Path:
    """Return the folder of the packages; skips the test if they were not downloaded."""
    if not (_PACKAGES / ".package-lock.json").is_file():
        pytest.skip("the npm packages of the tests are not downloaded: `make node-packages`")
    return _PACKAGES


def link_packages(target: Path, *names: str) -> None:
    """Put packages into a `node_modules` as hard links, all without names; folders of the copy may be written to."""
    packages = find_packages()
    for name in names or sorted(path.name for path in packages.iterdir()):
        _link_tree(packages / name, target / name)


def build_or_skip(home: Path, source: FunctionSource) -> Artifact:
    """Build the package, or skip the test if npm cannot reach a registry."""
    try:
        return PackageBuilder(home).build(source)
    except ArtifactError as error:
        if "@azure/functions" not in error.message:
            raise
        pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")


def _link_tree(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, copy_function=_link_file)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_file(str(source), str(target))


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)

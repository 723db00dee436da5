"""Packages to run: built from files by the real builder, or written straight into a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache

Files = Mapping[str, str]
PYTHON = "python3.11"


@pytest.fixture
def python_function(tmp_path: Path) -> Callable[..., FunctionSpec]:
    """A bare Python function of which `body` is the module."""

    def of_module(body: str, **changes: object) -> FunctionSpec:
        (tmp_path / "app.py").write_text(body)
        return FunctionSpec(tmp_path, "app.handler", PYTHON, **changes)  # type: ignore[arg-type]  # test shorthand

    return of_module


@pytest.fixture
def packaged(tmp_path: Path) -> Callable[..., FunctionSpec]:
    """A function as it is deployed: packaged from files, and unpacked again."""

    def of_files(files: Files, *, entry: str = "", handler: str = "", runtime: str, **changes: object) -> FunctionSpec:
        source, home = tmp_path / "source", tmp_path / "home"
        for path, content in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_text(content)
        artifact = PackageBuilder(home).build(FunctionSource(source, entry, handler, runtime))
        folder = PackageCache(home).unpack(artifact.path)
        return FunctionSpec(folder, artifact.handler, artifact.runtime, **changes)  # type: ignore[arg-type]  # as above

    return of_files

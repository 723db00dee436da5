from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache

Files = Mapping[str, str]
PYTHON = "python3.11"
NODE = "nodejs20.x"


@pytest.fixture
def python_function(tmp_path: Path) -> Callable[..., FunctionSpec]:
    """Create a Python function from the text of its module, without packaging it."""

    def create(body: str, **changes: object) -> FunctionSpec:
        (tmp_path / "app.py").write_text(body)
        return FunctionSpec(tmp_path, "app.handler", PYTHON, **changes)  # type: ignore[arg-type]  # test shorthand

    return create


@pytest.fixture
def node_function(tmp_path: Path) -> Callable[..., FunctionSpec]:
    """Create a Node function from the text of its module, without packaging it."""
    if shutil.which("node") is None:
        pytest.skip("node is not on the PATH")

    def create(body: str, file: str = "index.js", handler: str = "index.handler", **changes: Any) -> FunctionSpec:
        (tmp_path / file).write_text(body)
        return FunctionSpec(tmp_path, handler, **{"runtime": NODE, **changes})

    return create


@pytest.fixture
def packaged(tmp_path: Path) -> Callable[..., FunctionSpec]:
    """Package a function from files and unpack it again, as a deployment does."""

    def create(files: Files, *, entry: str = "", handler: str = "", runtime: str, **changes: object) -> FunctionSpec:
        source, home = tmp_path / "source", tmp_path / "home"
        for path, content in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_text(content)
        artifact = PackageBuilder(home).build(FunctionSource(source, entry, handler, runtime))
        folder = PackageCache(home).unpack(artifact.path)
        return FunctionSpec(folder, artifact.handler, artifact.runtime, **changes)  # type: ignore[arg-type]  # as above

    return create

"""What tests look at in a package, and in the refusal to build one."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.environments.settings import PackageSettings
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

HANDLER = "export const handler = async (event: { name: string }): Promise<string> => `hello ${event.name}`\n"
CALL = """
const { loadApplication } = require('./semantest_application.cjs')
loadApplication(require('./semantest_shim.json'), __dirname)
  .then((handler) => handler({ name: 'you' })).then((answer) => console.log(JSON.stringify(answer)))
  .catch((error) => console.log(error.stack))
"""


def read_file(artifact: Artifact, name: str) -> str:
    """Return the text of a file in the package."""
    with zipfile.ZipFile(artifact.path) as archive:
        return archive.read(name).decode()


def refusal_of(builder: PackageBuilder, source: FunctionSource) -> ArtifactError:
    """Return the error with which the source is refused."""
    with pytest.raises(ArtifactError) as refusal:
        builder.build(source)
    return refusal.value


def handler(
    source: Path, name: str = "src/app.handler", provider: str = "aws", **package: tuple[str, ...]
) -> FunctionSource:
    settings = PackageSettings(**package)
    return FunctionSource(source, handler=name, runtime="nodejs22.x", provider=provider, package=settings)


def call(artifact: Artifact, folder: Path) -> str:
    """Return what the packaged handler answers, or the trace of its error."""
    with zipfile.ZipFile(artifact.path) as archive:
        archive.extractall(folder)
    (folder / "call.cjs").write_text(CALL)
    ended = subprocess.run(["node", "call.cjs"], cwd=folder, capture_output=True, text=True, check=False)
    return ended.stdout.strip() or ended.stderr

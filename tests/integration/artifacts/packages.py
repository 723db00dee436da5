"""What tests look at in a package, and in the refusal to build one."""

from __future__ import annotations

import zipfile

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder


def read_file(artifact: Artifact, name: str) -> str:
    """Return the text of a file in the package."""
    with zipfile.ZipFile(artifact.path) as archive:
        return archive.read(name).decode()


def refusal_of(builder: PackageBuilder, source: FunctionSource) -> ArtifactError:
    """Return the error with which the source is refused."""
    with pytest.raises(ArtifactError) as refusal:
        builder.build(source)
    return refusal.value

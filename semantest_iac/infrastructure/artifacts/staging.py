"""Copies a source folder by the same careful walk that packages it."""

from __future__ import annotations

from pathlib import Path

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.artifacts.limits import faults_of_size
from semantest_iac.infrastructure.artifacts.selection import Selection
from semantest_iac.infrastructure.artifacts.source_tree import Survey, walk


def copy_tree(source: Path, target: Path, selection: Selection) -> None:
    """Copy the chosen regular files with fresh modes and dates; the target must not exist yet."""
    survey = Survey()
    target.mkdir(parents=True)
    for file in walk(source, selection, survey):
        path = target / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read())
        path.chmod(0o755 if file.is_executable else 0o644)
    require_clean(survey)


def require_clean(survey: Survey) -> None:
    """Raise ArtifactError with everything that the walk found wrong."""
    faults = [*survey.faults, *faults_of_size(survey.files, survey.unpacked)]
    if faults:
        raise ArtifactError("Cannot package the source: some of it cannot be in a package.", faults=faults)

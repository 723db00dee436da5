"""Copies to install in."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.infrastructure.artifacts.source_tree import FileFilter, copy_source


class TestCopyTree:
    def test_keeps_what_the_installer_reads_and_leaves_the_rest(self, source: Path, tmp_path: Path) -> None:
        for name in (".npmrc", ".env", "run.sh", "index.js"):
            (source / name).touch()
        (source / "run.sh").chmod(0o700)

        copy_source(source, tmp_path / "copy", FileFilter(included_names=frozenset({".npmrc"})))

        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "copy").iterdir()}
        assert modes == {".npmrc": "0o644", "run.sh": "0o755", "index.js": "0o644"}

    def test_refuses_what_no_package_can_hold(self, source: Path, tmp_path: Path) -> None:
        (source / "back\\slash").touch()

        with pytest.raises(ArtifactError):
            copy_source(source, tmp_path / "copy", FileFilter())

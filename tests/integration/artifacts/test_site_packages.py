"""The package of a static site: the files of a folder, or those that a build makes."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.networking.sites import SITE_RUNTIME
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

_BUILD = """
import pathlib
out = pathlib.Path("dist/assets")
out.mkdir(parents=True)
text = pathlib.Path("src.txt").read_text()
(out / "app-a1b2c3d4.js").write_text(text)
(out.parent / "index.html").write_text("<title>built</title>")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>a page</title>")
    (folder / "assets" / "app.js").write_text("start()")
    (folder / ".env").write_text("KEY=secret")
    return folder


@pytest.fixture
def builder(tmp_path: Path) -> PackageBuilder:
    return PackageBuilder(tmp_path / "home")


def _source(folder: Path, provider: str = "aws") -> FunctionSource:
    return FunctionSource(folder=folder, provider=provider, is_site=True)


def _read_names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return sorted(archive.namelist())


@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_has_the_files_of_the_folder_and_nothing_of_ours(folder: Path, builder: PackageBuilder, provider: str) -> None:
    package = builder.build(_source(folder, provider))

    assert package.runtime == SITE_RUNTIME
    assert _read_names(package.path) == ["assets/app.js", "index.html"]
    assert any(".env" in note for note in package.notes)


def test_is_the_same_for_every_cloud_and_each_time(folder: Path, builder: PackageBuilder) -> None:
    digests = {builder.build(_source(folder, provider)).digest for provider in ("aws", "azure", "aws")}

    assert len(digests) == 1


def test_changes_with_a_file(folder: Path, builder: PackageBuilder) -> None:
    before = builder.build(_source(folder)).digest
    (folder / "assets" / "app.js").write_text("start(2)")

    assert builder.build(_source(folder)).digest != before


def test_is_refused_without_an_index_page(folder: Path, builder: PackageBuilder) -> None:
    (folder / "index.html").unlink()

    with pytest.raises(ArtifactError) as refusal:
        builder.build(_source(folder))

    assert [fault.path for fault in refusal.value.faults] == ["site.source"]


@pytest.mark.parametrize("name", ["none", "site/index.html"])
def test_is_refused_without_a_folder(folder: Path, builder: PackageBuilder, name: str) -> None:
    with pytest.raises(ArtifactError):
        builder.build(_source(folder.parent / name))


class TestBuild:
    @pytest.fixture
    def project(self, tmp_path: Path) -> FunctionSource:
        project = tmp_path / "project"
        project.mkdir()
        (project / "build.py").write_text(_BUILD)
        (project / "src.txt").write_text("start()")
        return replace(_source(project), build=("python build.py",), output="dist")

    def test_makes_the_files_in_a_private_copy(self, project: FunctionSource, builder: PackageBuilder) -> None:
        package = builder.build(project)

        assert _read_names(package.path) == ["assets/app-a1b2c3d4.js", "index.html"]
        assert project.folder is not None
        assert not (project.folder / "dist").exists()

    def test_is_not_repeated_for_the_same_project(self, project: FunctionSource, builder: PackageBuilder) -> None:
        first = builder.build(project)
        assert project.folder is not None
        (project.folder / "src.txt").write_text("start(2)")

        assert builder.build(project).digest != first.digest

    def test_that_makes_no_index_page_is_refused(self, project: FunctionSource, builder: PackageBuilder) -> None:
        with pytest.raises(ArtifactError) as refusal:
            builder.build(replace(project, output="public"))

        assert "site.output" in [fault.path for fault in refusal.value.faults]

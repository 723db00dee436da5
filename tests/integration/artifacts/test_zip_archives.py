from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

HANDLER = {"app.py": "def handler(e, c): ..."}
UNSAFE = ["../evil", "/evil", "a/../../evil", "..\\evil", "a\x01b", "C:/evil"]


@pytest.fixture
def build(home: Path, tmp_path: Path) -> Callable[[], str]:
    def build_package() -> str:
        source = FunctionSource(tmp_path / "package.zip", handler="app.handler", runtime="python3.13")
        return PackageBuilder(home).build(source).path.read_bytes().hex()

    return build_package


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", HANDLER["app.py"])
    return path


class TestReadCheckedZip:
    def test_is_deployed_byte_for_byte(self, build: Callable[[], str], package: Path) -> None:
        assert build() == package.read_bytes().hex()

    @pytest.mark.parametrize("name", UNSAFE)
    def test_is_refused_when_a_name_leaves_its_root(self, build: Callable[[], str], package: Path, name: str) -> None:
        with zipfile.ZipFile(package, "a") as archive:
            archive.writestr(name, "x")

        with pytest.raises(ArtifactError) as caught:
            build()

        assert len(caught.value.faults) == 1

    def test_is_refused_when_a_name_is_a_file_and_a_folder(self, build: Callable[[], str], package: Path) -> None:
        with zipfile.ZipFile(package, "a") as archive:
            archive.writestr("d", "x")
            archive.writestr("d/e", "x")

        with pytest.raises(ArtifactError) as caught:
            build()

        assert [fault.path for fault in caught.value.faults] == ["d/e"]

    def test_may_list_its_folders(self, build: Callable[[], str], package: Path) -> None:
        with zipfile.ZipFile(package, "a") as archive:
            archive.writestr("d/", "")
            archive.writestr("d/e", "x")

        assert build()

    def test_is_refused_when_it_holds_a_link(self, build: Callable[[], str], package: Path) -> None:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(package, "a") as archive:
            archive.writestr(link, "/etc/passwd")

        with pytest.raises(ArtifactError) as caught:
            build()

        assert [fault.path for fault in caught.value.faults] == ["link"]

    def test_is_refused_when_the_handler_is_missing(self, build: Callable[[], str], package: Path) -> None:
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("other.py", "")

        with pytest.raises(ArtifactError) as caught:
            build()

        assert [fault.path for fault in caught.value.faults] == ["handler"]

    @pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06"], ids=["empty", "text", "cut"])
    def test_is_refused_when_it_is_no_zip(self, build: Callable[[], str], package: Path, content: bytes) -> None:
        package.write_bytes(content)

        with pytest.raises(ArtifactError):
            build()

    def test_is_refused_when_its_content_is_damaged(self, build: Callable[[], str], package: Path) -> None:
        package.write_bytes(package.read_bytes().replace(b"def handler", b"def hXndler"))

        with pytest.raises(ArtifactError) as caught:
            build()

        assert [fault.path for fault in caught.value.faults] == ["app.py"]

    def test_is_refused_when_it_unpacks_to_too_much(self, build: Callable[[], str], package: Path) -> None:
        with zipfile.ZipFile(package, "a", zipfile.ZIP_DEFLATED) as archive:
            for number in range(6):
                archive.writestr(f"bomb{number}", bytes(45 * 1024 * 1024))

        with pytest.raises(ArtifactError) as caught:
            build()

        assert "250 MB" in caught.value.faults[0].message

    def test_does_not_wait_for_a_fifo(self, build: Callable[[], str], tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "package.zip")

        with pytest.raises(ArtifactError):
            build()

    def test_is_refused_when_it_is_missing(self, build: Callable[[], str]) -> None:
        with pytest.raises(ArtifactError):
            build()

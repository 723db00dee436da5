from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "abc.zip"
    script = zipfile.ZipInfo("bin/run")
    script.external_attr = (stat.S_IFREG | 0o755) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", "x = 1")
        archive.writestr("empty/", "")
        archive.writestr(script, "#!/bin/sh")
    return path


class TestPackageCache:
    def test_unpacks_files_folders_and_execute_bits(self, tmp_path: Path, package: Path) -> None:
        folder = PackageCache(tmp_path).unpack(package)

        assert (folder / "app.py").read_text() == "x = 1"
        assert (folder / "empty").is_dir()
        assert os.access(folder / "bin/run", os.X_OK)

    def test_unpacks_only_once(self, tmp_path: Path, package: Path) -> None:
        first = PackageCache(tmp_path).unpack(package)
        package.unlink()

        assert PackageCache(tmp_path).unpack(package) == first

    @pytest.mark.parametrize("damage", ["remove", "flip", "truncate"])
    def test_unpacks_a_damaged_folder_again(
        self, tmp_path: Path, package: Path, damage: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = PackageCache(tmp_path).unpack(package) / "app.py"
        file.write_text({"remove": "", "flip": "x = 3", "truncate": "x ="}[damage])
        if damage == "remove":
            file.unlink()

        folder = PackageCache(tmp_path).unpack(package)

        assert (folder / "app.py").read_text() == "x = 1"
        assert "(app.py); it is unpacked again" in caplog.text

    def test_refuses_a_package_without_the_digest_of_its_name(self, tmp_path: Path, package: Path) -> None:
        renamed = package.rename(tmp_path / f"{'0' * 64}.zip")

        with pytest.raises(RuntimeFailedError, match="it is damaged or missing"):
            PackageCache(tmp_path / "home").unpack(renamed)

    @pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil"])
    def test_writes_nothing_outside_its_folder(self, tmp_path: Path, package: Path, name: str) -> None:
        with zipfile.ZipFile(package, "a") as archive:
            archive.writestr(name, "x")

        with pytest.raises(RuntimeFailedError):
            PackageCache(tmp_path / "home").unpack(package)

        assert not [*tmp_path.rglob("*evil")]
        assert [*(tmp_path / "home" / "runtime").iterdir()] == []

    def test_leaves_nothing_of_a_broken_package(self, tmp_path: Path, package: Path) -> None:
        package.write_bytes(package.read_bytes()[:-30])

        with pytest.raises(RuntimeFailedError):
            PackageCache(tmp_path / "home").unpack(package)

        assert [*(tmp_path / "home" / "runtime").iterdir()] == []

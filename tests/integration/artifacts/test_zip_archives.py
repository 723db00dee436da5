from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

HANDLER = {"app.py": "def handler(e, c): ..."}
ENTRY_FLAGS, ENTRY_METHOD, ENTRY_SIZE = 8, 10, 24  # in the directory of a zip file (APPNOTE 4.3.12)
UNSAFE = ["../evil", "/evil", "a/../../evil", "..\\evil", "a\x01b", "C:/evil"]


def _set_field(data: bytes, field: int, value: bytes) -> bytes:
    """Change a field of the first entry in the directory."""
    place = data.index(b"PK\1\2") + field
    return data[:place] + value + data[place + len(value) :]


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

    @pytest.mark.parametrize(
        "others", [["d", "d/e"], ["d/e", "d"], ["d", "d/"], ["x", "x"], ["a/caf\u00e9", "a/cafe\u0301"]]
    )
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_is_refused_when_two_entries_have_one_place(
        self, home: Path, build: Callable[[], str], package: Path, others: list[str]
    ) -> None:
        with zipfile.ZipFile(package, "a") as archive:
            for name in others:
                archive.writestr(name, "x")

        with pytest.raises(ArtifactError) as caught:
            build()

        [fault] = caught.value.faults
        assert fault.path in {name.removesuffix("/") for name in others}
        assert not home.exists()

    def test_shows_its_entries_faults_before_it_is_packaged(self, home: Path, package: Path) -> None:
        with zipfile.ZipFile(package, "a") as archive:
            archive.writestr("d", "x")
            archive.writestr("d/e", "x")
        source = FunctionSource(package, handler="app.handler", runtime="python3.13")

        assert [fault.path for fault in PackageBuilder(home).find_packaging_faults(source)] == ["d/e"]

    @pytest.mark.parametrize("names", [["README.md", "readme.md"], ["d", "D/e"]])
    def test_may_hold_names_that_differ_in_case_where_case_counts(
        self, home: Path, package: Path, names: list[str]
    ) -> None:
        with zipfile.ZipFile(package, "a") as archive:
            for name in ("host.json", *names):
                archive.writestr(name, "{}")
        source = FunctionSource(package, handler="app.handler", runtime="python3.13")

        faults = PackageBuilder(home).find_packaging_faults(replace(source, provider="azure"))

        assert PackageBuilder(home).find_packaging_faults(source) == ()
        assert [fault.path for fault in faults] == [names[1]]

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

    @pytest.mark.parametrize(
        ("damage", "problem"),
        [
            (lambda data: data.replace(b"def handler", b"def hXndler"), "the content does not match its checksum"),
            (lambda data: data.replace(b"PK\3\4", b"PK\3\5", 1), "is not where the directory of the archive says"),
            (lambda data: data.replace(b"app.py", b"api.py", 1), "is not where the directory of the archive says"),
            (lambda data: _set_field(data, ENTRY_FLAGS, b"\1"), "is encrypted"),
            (
                lambda data: _set_field(data, ENTRY_METHOD, b"\x0c"),
                "is compressed by a method that clouds do not unpack",
            ),
            (lambda data: _set_field(data, ENTRY_METHOD, b"\x08"), "the content is damaged"),
        ],
        ids=["content", "header", "name", "encrypted", "method", "stored as deflated"],
    )
    def test_is_refused_with_the_entry_that_is_damaged(
        self, home: Path, build: Callable[[], str], package: Path, damage: Callable[[bytes], bytes], problem: str
    ) -> None:
        package.write_bytes(damage(package.read_bytes()))

        with pytest.raises(ArtifactError) as caught:
            build()

        assert [(fault.path, fault.message) for fault in caught.value.faults] == [("app.py", problem)]
        assert not home.exists()

    def test_is_refused_when_it_unpacks_to_too_much(self, build: Callable[[], str], package: Path) -> None:
        with zipfile.ZipFile(package, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb", bytes(45 * 1024 * 1024))
        data = package.read_bytes()
        place = data.rindex(b"PK\1\2") + ENTRY_SIZE
        package.write_bytes(data[:place] + (1 << 30).to_bytes(4, "little") + data[place + 4 :])

        with pytest.raises(ArtifactError) as caught:
            build()

        [fault] = caught.value.faults
        assert (fault.path, fault.message) == ("bomb", "more than 250 MB unpacked, 1024 MB of it here")

    def test_is_refused_when_an_entry_unpacks_to_more_than_it_says(
        self, build: Callable[[], str], package: Path
    ) -> None:
        with zipfile.ZipFile(package, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb", bytes(4 * 1024 * 1024))
        data = package.read_bytes()
        place = data.rindex(b"PK\1\2") + ENTRY_SIZE
        package.write_bytes(data[:place] + (10).to_bytes(4, "little") + data[place + 4 :])

        with pytest.raises(ArtifactError) as caught:
            build()

        [fault] = caught.value.faults
        assert (fault.path, fault.message) == ("bomb", "unpacks to more than the archive says")

    def test_is_refused_when_entries_share_their_bytes(self, build: Callable[[], str], package: Path) -> None:
        with zipfile.ZipFile(package, "a") as archive:
            archive.writestr("one", "x" * 100)
            archive.writestr("two", "x")
            archive.getinfo("two").header_offset = archive.getinfo("one").header_offset
            archive.getinfo("two").orig_filename = archive.getinfo("two").filename = "one2"

        with pytest.raises(ArtifactError) as caught:
            build()

        assert [fault.path for fault in caught.value.faults] == ["one2"]

    def test_is_deployed_with_a_note_on_its_secrets(self, home: Path, package: Path) -> None:
        with zipfile.ZipFile(package, "a") as archive:
            for name in ("prod.env", ".aws/config", "node_modules/sdk/credentials.json", "certifi/cacert.pem"):
                archive.writestr(name, "x")
        source = FunctionSource(package, handler="app.handler", runtime="python3.13")
        note = "The archive is deployed as it is, with files that look secret: prod.env, .aws/config."

        assert PackageBuilder(home).find_packaging_notes(source) == (note,)
        assert PackageBuilder(home).build(source).notes == (note,)

    def test_does_not_wait_for_a_fifo(self, build: Callable[[], str], tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "package.zip")

        with pytest.raises(ArtifactError):
            build()

    def test_is_refused_when_it_is_missing(self, build: Callable[[], str]) -> None:
        with pytest.raises(ArtifactError):
            build()

"""What every store of packages guarantees: a folder, S3 (moto's server) and Azure's blobs (Azurite)."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_store import ArtifactStore
from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder
from tests.contract.artifact_store.conftest import Bucket, SharedStore, write_package


class ArtifactStoreContract:
    """A subclass provides the `shared` store to test."""

    def test_returns_what_was_put_on_any_machine(self, shared: SharedStore, tmp_path: Path) -> None:
        digest, file = write_package(tmp_path / "source")

        shared.store.put(digest, file)

        for store in (shared.store, shared.open_elsewhere()):
            assert store.fetch(digest).read_bytes() == file.read_bytes()
            (found,) = store.list_packages()
            assert (found.digest, found.size) == (digest, file.stat().st_size)
            assert abs(found.stored_at.timestamp() - time.time()) < 120

    def test_keeps_a_package_once(self, shared: SharedStore, tmp_path: Path) -> None:
        digest, file = write_package(tmp_path / "source")

        for _ in range(2):
            shared.store.put(digest, file)
            shared.store.put(digest, shared.store.fetch(digest))

        assert [package.digest for package in shared.store.list_packages()] == [digest]

    def test_is_shared_by_writers_and_readers_at_the_same_time(self, shared: SharedStore, tmp_path: Path) -> None:
        packages = [write_package(tmp_path / "source", b"%d" % number * 70_000) for number in range(4)]
        stores = [shared.store, *(shared.open_elsewhere() for _ in range(3))]

        def put_and_fetch(number: int) -> bytes:
            store, (digest, file) = stores[number % 4], packages[number // 4 % 4]
            store.put(digest, file)
            return store.fetch(digest).read_bytes()

        with ThreadPoolExecutor(8) as pool:
            fetched = list(pool.map(put_and_fetch, range(32)))

        assert fetched == [packages[number // 4 % 4][1].read_bytes() for number in range(32)]
        assert {package.digest for package in shared.store.list_packages()} == {digest for digest, _ in packages}

    def test_says_what_is_missing(self, shared: SharedStore) -> None:
        with pytest.raises(ArtifactError, match=rf"{'0' * 64}\.zip': it is missing\.") as caught:
            shared.open_elsewhere().fetch("0" * 64)

        assert caught.value.error_code == "PACKAGE_MISSING"
        assert "deploy the source" in caught.value.hint

    @pytest.mark.parametrize("digest", ["../../secrets", "", "0" * 63, "G" * 64])
    def test_takes_nothing_for_a_digest_that_is_none(self, shared: SharedStore, tmp_path: Path, digest: str) -> None:
        for act in (shared.store.fetch, shared.store.delete, lambda it: shared.store.put(it, tmp_path)):
            with pytest.raises(ArtifactError, match="no SHA-256"):
                act(digest)

    @pytest.mark.parametrize("content", [b"A package", b"a pack", b""], ids=["other bytes", "cut", "emptied"])
    def test_never_returns_other_content(self, shared: SharedStore, tmp_path: Path, content: bytes) -> None:
        digest, file = write_package(tmp_path / "source")
        shared.store.put(digest, file)
        shared.overwrite(f"{digest}.zip", content)
        elsewhere = shared.open_elsewhere()

        for _ in range(2):
            with pytest.raises(ArtifactError, match=r"it is damaged\.") as caught:
                elsewhere.fetch(digest)

        assert caught.value.error_code == "PACKAGE_DAMAGED"
        assert "Put back a copy" in caught.value.hint

    @pytest.mark.parametrize("content", [b"a pack", b""], ids=["cut", "emptied"])
    def test_is_mended_by_the_next_put(self, shared: SharedStore, tmp_path: Path, content: bytes) -> None:
        digest, file = write_package(tmp_path / "source")
        shared.store.put(digest, file)
        shared.overwrite(f"{digest}.zip", content)

        shared.store.put(digest, file)

        assert shared.open_elsewhere().fetch(digest).read_bytes() == file.read_bytes()

    def test_refuses_a_file_with_another_digest(self, shared: SharedStore, tmp_path: Path) -> None:
        digest, _ = write_package(tmp_path / "source")
        _, other = write_package(tmp_path / "source", b"another package")

        with pytest.raises(ArtifactError, match="it is damaged"):
            shared.store.put(digest, other)
        with pytest.raises(ArtifactError, match="it is missing"):
            shared.store.put(digest, tmp_path / "nothing")

        assert shared.store.list_packages() == []

    def test_deletes_what_is_there(self, shared: SharedStore, tmp_path: Path) -> None:
        digest, file = write_package(tmp_path / "source")
        kept, other = write_package(tmp_path / "source", b"another package")
        shared.store.put(digest, file)
        shared.store.put(kept, other)

        for _ in range(2):
            shared.store.delete(digest)

        assert [package.digest for package in shared.store.list_packages()] == [kept]
        for store in (shared.store, shared.open_elsewhere()):
            with pytest.raises(ArtifactError, match="it is missing"):
                store.fetch(digest)

    def test_lists_packages_alone(self, shared: SharedStore) -> None:
        assert shared.store.list_packages() == []

        shared.overwrite("readme.txt", b"of somebody")
        shared.overwrite("known.zip", b"of somebody")

        assert shared.store.list_packages() == []


class TestFolder(ArtifactStoreContract):
    @pytest.fixture
    def shared(self, tmp_path: Path) -> SharedStore:
        folder = tmp_path / "artifacts"

        def overwrite(name: str, content: bytes) -> None:
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)

        return SharedStore(PackageFolder(folder), lambda: PackageFolder(folder), overwrite)

    def test_returns_the_file_itself(self, shared: SharedStore, tmp_path: Path) -> None:
        digest, file = write_package(tmp_path / "source")
        shared.store.put(digest, file)

        assert shared.store.fetch(digest) == tmp_path / "artifacts" / f"{digest}.zip"

    def test_deletes_what_was_unpacked_too(self, tmp_path: Path) -> None:
        digest, file = write_package(tmp_path / "source")
        folder = PackageFolder(tmp_path / "artifacts", unpacked=tmp_path / "runtime")
        folder.put(digest, file)
        write_package(tmp_path / "runtime" / digest)
        write_package(tmp_path / "runtime" / "another")

        for _ in range(2):
            folder.delete(digest)

        assert [path.name for path in (tmp_path / "runtime").iterdir()] == ["another"]

    def test_counts_as_put_now_what_is_put_again_later(self, shared: SharedStore, tmp_path: Path) -> None:
        digest, file = write_package(tmp_path / "source")
        shared.store.put(digest, file)
        os.utime(shared.store.fetch(digest), (1, 1))

        shared.store.put(digest, file)

        (found,) = shared.store.list_packages()
        assert found.stored_at.year > 1970


class TestObjectStore(ArtifactStoreContract):
    @pytest.fixture
    def shared(self, bucket: Bucket, tmp_path: Path) -> SharedStore:
        machines = iter(range(100))

        def open_elsewhere() -> ArtifactStore:
            return bucket.open(tmp_path / f"machine-{next(machines)}")

        return SharedStore(open_elsewhere(), open_elsewhere, bucket.overwrite)

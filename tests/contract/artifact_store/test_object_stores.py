"""What is said of an object store that cannot be used, and what it costs to use one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.domain.errors import ArtifactError, ArtifactStoreError, ConfigurationError, UnreachableStoreError
from semantest_iac.domain.ports.artifact_store import ArtifactStore
from semantest_iac.infrastructure.artifact_stores.object_store import StoreLocation, open_object_store
from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder
from tests.contract.artifact_store.conftest import Bucket, write_package
from tests.object_stores import wrong_key

UNUSED_PORT = "http://127.0.0.1:9"
LARGE_BYTES = 64 * 1024 * 1024
MOST_GROWTH_BYTES = 56 * 1024 * 1024
_TRANSFER_LARGE_PACKAGE = """
import hashlib, re, sys
from pathlib import Path
from semantest_iac.infrastructure.artifact_stores.object_store import open_object_store
from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder

def most_memory():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

url, folder, file, digest = sys.argv[1:]
stores = [open_object_store(url, PackageFolder(Path(folder, name))) for name in ("here", "there")]
stores[0].list_packages()
before = most_memory()
stores[0].put(digest, Path(file))
stores[1].fetch(digest)
print(most_memory() - before)
"""


def list_uses(store: ArtifactStore, package: tuple[str, Path]) -> dict[str, Callable[[], object]]:
    """Return every use of a store by its name."""
    return {
        "put": lambda: store.put(*package),
        "fetch": lambda: store.fetch("0" * 64),
        "list": store.list_packages,
    }


@pytest.mark.parametrize("use", ["put", "fetch", "list"])
class TestErrors:
    def test_of_a_bucket_that_does_not_exist(self, bucket: Bucket, tmp_path: Path, use: str) -> None:
        url = f"{bucket.server.scheme}://no-such-bucket-here/team"
        store = open_object_store(url, PackageFolder(tmp_path / "cache"))

        with pytest.raises(ArtifactStoreError, match=f"'{url}': it does not exist") as caught:
            list_uses(store, write_package(tmp_path))[use]()

        assert caught.value.error_code == "ARTIFACT_STORE_MISSING"

    def test_of_a_user_without_the_right(
        self, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: str
    ) -> None:
        monkeypatch.setenv(bucket.server.key_variable, wrong_key(bucket.server))
        uses = list_uses(bucket.open(tmp_path / "cache"), write_package(tmp_path))

        with bucket.server.denying(), pytest.raises(ArtifactStoreError, match="it denies access") as caught:
            uses[use]()

        assert caught.value.error_code == "ARTIFACT_STORE_DENIED"
        assert bucket.server.key_variable in caught.value.hint
        assert wrong_key(bucket.server) not in str(caught.value.reason)

    def test_of_a_server_that_does_not_answer(
        self, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: str
    ) -> None:
        monkeypatch.setenv(bucket.server.endpoint_variable, UNUSED_PORT)
        uses = list_uses(bucket.open(tmp_path / "cache"), write_package(tmp_path))

        with pytest.raises(UnreachableStoreError, match="it does not answer") as caught:
            uses[use]()

        assert (caught.value.error_code, caught.value.retryable) == ("ARTIFACT_STORE_UNREACHABLE", True)


class TestCache:
    def test_spares_the_network(self, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        digest, file = write_package(tmp_path)
        bucket.open(tmp_path / "here").put(digest, file)
        bucket.open(tmp_path / "there").fetch(digest)
        monkeypatch.setenv(bucket.server.endpoint_variable, UNUSED_PORT)

        assert bucket.open(tmp_path / "there").fetch(digest).read_bytes() == file.read_bytes()

    def test_that_is_damaged_is_downloaded_again(self, bucket: Bucket, tmp_path: Path) -> None:
        digest, file = write_package(tmp_path)
        store = bucket.open(tmp_path / "here")
        store.put(digest, file)
        store.fetch(digest).write_bytes(b"x")

        assert store.fetch(digest).read_bytes() == file.read_bytes()

    def test_is_not_what_other_machines_find(self, bucket: Bucket, tmp_path: Path) -> None:
        (digest, file), (local, other) = write_package(tmp_path), write_package(tmp_path, b"only here")
        store = bucket.open(tmp_path / "here")
        store.put(digest, file)
        PackageFolder(tmp_path / "here").put(local, other)

        assert {package.digest: package.is_shared for package in store.list_packages()} == {digest: True, local: False}
        with pytest.raises(ArtifactError, match="it is missing"):
            bucket.open(tmp_path / "there").fetch(local)


def test_a_large_package_is_never_held_in_memory(bucket: Bucket, tmp_path: Path) -> None:
    block = bytes(range(256)) * 4096
    digest, file = write_package(tmp_path, block * (LARGE_BYTES // len(block)))
    command = [sys.executable, "-c", _TRANSFER_LARGE_PACKAGE, bucket.url, str(tmp_path / "machines"), str(file), digest]

    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert int(printed) < MOST_GROWTH_BYTES


class TestLocation:
    @pytest.mark.parametrize(
        ("url", "parts"),
        [
            ("s3://bucket", ("s3", "bucket", "")),
            ("az://container/a/b/", ("az", "container", "a/b")),
            ("azure://container/a", ("azure", "container", "a")),
            ("gs://bucket/a", ("gs", "bucket", "a")),
        ],
    )
    def test_is_read_from_a_url(self, url: str, parts: tuple[str, str, str]) -> None:
        location = StoreLocation.parse(url)

        assert (location.scheme, location.bucket, location.prefix) == parts
        assert str(location) == url.rstrip("/")

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("s3://key:hunter2@bucket/a", "credentials"),
            ("az://container/a?sig=hunter2", "credentials"),
            ("s3://bucket/a#hunter2", "credentials"),
            ("ftp://hunter2/a", "scheme"),
            ("hunter2", "scheme"),
            ("s3://", "no bucket"),
            ("s3://bucket:hunter2/", "no URL"),
            ("s3://hunter2:80/", "no bucket"),
        ],
    )
    def test_is_refused_without_repeating_it(self, url: str, problem: str) -> None:
        with pytest.raises(ConfigurationError, match="Cannot use the store of packages") as caught:
            StoreLocation.parse(url)

        assert problem in caught.value.reason
        assert "hunter2" not in caught.value.reason + caught.value.faults[0].hint

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from semantest_iac.domain.ports.artifact_store import ArtifactStore
from semantest_iac.infrastructure.artifact_stores.object_store import open_object_store
from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder
from tests.object_stores import ObjectStoreServer, run_azurite, run_s3, secret_key


@dataclass(frozen=True)
class SharedStore:
    """A store as one machine uses it; `open_elsewhere` opens it as another one that has no packages yet."""

    store: ArtifactStore
    open_elsewhere: Callable[[], ArtifactStore]
    overwrite: Callable[[str, bytes], None]
    """Gives the kept object of this name other content, as nobody should."""


@dataclass(frozen=True)
class Bucket:
    """An empty bucket of a server, with a prefix for the packages."""

    server: ObjectStoreServer
    url: str

    def open(self, folder: Path) -> ArtifactStore:
        """Open the store with a folder for what this machine has."""
        return open_object_store(self.url, PackageFolder(folder))

    def overwrite(self, name: str, content: bytes) -> None:
        """Write an object without the store."""
        import obstore
        from obstore.store import AzureStore, S3Store

        scheme, _, path = self.url.partition("://")
        bucket, _, prefix = path.partition("/")
        client = (S3Store if scheme == "s3" else AzureStore)(bucket, prefix=prefix, client_options={"allow_http": True})
        obstore.put(client, name, content)


def write_package(folder: Path, content: bytes = b"a package") -> tuple[str, Path]:
    """Write a file, and return its digest and path."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"built-{digest[:8]}"
    path.write_bytes(content)
    return digest, path


@pytest.fixture(scope="session")
def s3_server() -> Iterator[ObjectStoreServer]:
    with run_s3() as server:
        yield server


@pytest.fixture(scope="session")
def azurite_server() -> Iterator[ObjectStoreServer]:
    with run_azurite() as server:
        yield server


@pytest.fixture(params=["s3", "azurite"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    server: ObjectStoreServer = request.getfixturevalue(f"{request.param}_server")
    for name, value in {**server.variables, server.key_variable: secret_key(server)}.items():
        monkeypatch.setenv(name, value)
    name = f"packages-{uuid4().hex[:12]}"
    server.create_bucket(name)
    return Bucket(server, f"{server.scheme}://{name}/team/semantest")

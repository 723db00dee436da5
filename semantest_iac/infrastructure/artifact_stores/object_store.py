"""Keeps packages as objects `<digest>.zip` in an object store, with a folder for what this machine has of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from semantest_iac.domain.errors import (
    ArtifactError,
    ArtifactStoreError,
    ConfigurationError,
    ExtraMissingError,
    Fault,
    UnreachableStoreError,
)
from semantest_iac.domain.ports.artifact_store import StoredPackage
from semantest_iac.infrastructure.artifact_stores.package_folder import (
    PUT_AGAIN_AFTER_S,
    PackageFolder,
    name_package,
    package_error,
    read_digest,
)
from semantest_iac.infrastructure.artifact_stores.store_failures import describe_store_failure, is_object_missing

URL_VARIABLE: Final = "SEMANTEST_ARTIFACTS_URL"
_CLASSES: Mapping[str, str] = {
    "s3": "S3Store",
    "az": "AzureStore",
    "azure": "AzureStore",
    "gs": "GCSStore",
}
"""Scheme of the URL -> class of obstore."""

_URL_HINT: Final = "Such as s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or gs://BUCKET/PREFIX."
_CREDENTIALS: Mapping[str, str] = {
    "S3Store": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
    "AzureStore": "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
    "GCSStore": "GOOGLE_APPLICATION_CREDENTIALS",
}
_ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
"""One that begins with http:// is what the user wants."""
_CHUNK_BYTES: Final = 8 * 1024 * 1024
_CONCURRENT_CHUNKS: Final = 3  # in memory at once while a package is uploaded
_CONNECT_TIMEOUT, _REQUEST_TIMEOUT = "5s", "10min"  # the second for a whole package over a slow line
_MOST_RETRIES, _RETRY_TIMEOUT_S = 3, 60


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """An object store by its URL: scheme, bucket or container, and what the names of its objects begin with."""

    scheme: str
    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}{'/' if self.prefix else ''}{self.prefix}"

    @classmethod
    def parse(cls, url: str) -> StoreLocation:
        """Read `s3://bucket/prefix`; raises ConfigurationError, whose text repeats nothing of the URL."""
        try:
            parts = urlsplit(url.strip())
            has_port = parts.port is not None
        except ValueError as error:
            raise _url_error("is no URL") from error
        if "@" in parts.netloc or parts.query or parts.fragment:
            hint = "Give credentials in variables of their own, such as AWS_ACCESS_KEY_ID or AZURE_STORAGE_ACCOUNT_KEY."
            raise _url_error("holds credentials or parameters, which would be shown with it", hint)
        if parts.scheme not in _CLASSES:
            raise _url_error("has a scheme that is not supported")
        if has_port or not parts.netloc:
            raise _url_error("names no bucket")
        return cls(parts.scheme, parts.netloc, parts.path.strip("/"))

    @property
    def client_class(self) -> str:
        """The name of obstore's class for it."""
        return _CLASSES[self.scheme]


def _url_error(problem: str, hint: str = _URL_HINT) -> ConfigurationError:
    return ConfigurationError("Cannot use the store of packages.", faults=[Fault(URL_VARIABLE, problem, hint)])


class ObjectArtifactStore:
    """The ArtifactStore in an object store; credentials come from the environment, as obstore takes them.

    What is put or fetched stays in the folder, where later uses find it without the network.
    """

    def __init__(self, location: StoreLocation, folder: PackageFolder) -> None:
        self.location = location
        self._folder = folder

    def put(self, digest: str, file: Path) -> None:
        """Upload the package; one of the same size that was put a short time ago is left as it is."""
        import obstore

        self._folder.put(digest, file)
        name, path = name_package(digest), self._folder.path_of(digest)
        with self._translate_errors("write"):
            found = self._find_object(name)
            if found and found["size"] == path.stat().st_size and _age_s(found["last_modified"]) < PUT_AGAIN_AFTER_S:
                return
            obstore.put(self._client, name, path, chunk_size=_CHUNK_BYTES, max_concurrency=_CONCURRENT_CHUNKS)

    def fetch(self, digest: str) -> Path:
        """Return the file in the folder, downloaded if it is missing or damaged there."""
        import obstore

        if self._folder.holds(digest):
            return self._folder.path_of(digest)
        name = name_package(digest)
        url = f"{self.location}/{name}"
        with self._translate_errors("read", missing=lambda: package_error(url, "missing")):
            chunks = obstore.get(self._client, name).stream(min_chunk_size=_CHUNK_BYTES)
            return self._folder.receive(digest, map(bytes, chunks), url)

    def list_packages(self) -> list[StoredPackage]:
        """Return the packages in the object store, and those that are in the folder alone."""
        import obstore

        packages = {package.digest: package for package in self._folder.list_packages()}
        with self._translate_errors("list"):
            for found in (found for batch in obstore.list(self._client) for found in batch):
                if digest := read_digest(found["path"]):
                    packages[digest] = StoredPackage(digest, found["size"], found["last_modified"], is_shared=True)
        return sorted(packages.values(), key=lambda package: package.digest)

    def delete(self, digest: str) -> None:
        """Remove the object, then the file."""
        import obstore

        with self._translate_errors("write"), suppress(FileNotFoundError):
            obstore.delete(self._client, name_package(digest))
        self._folder.delete(digest)

    def _find_object(self, name: str) -> Any:
        """Return what is known of an object; None where there is none, or no bucket."""
        import obstore

        try:
            return obstore.head(self._client, name)
        except FileNotFoundError:
            return None

    @cached_property
    def _client(self) -> Any:
        """The store of obstore, which is made when it is first used."""
        from obstore import store

        client_options = {
            "connect_timeout": _CONNECT_TIMEOUT,
            "timeout": _REQUEST_TIMEOUT,
            "allow_http": any(os.environ.get(name, "").startswith("http://") for name in _ENDPOINT_VARIABLES),
        }
        with self._translate_errors("use"):
            return getattr(store, self.location.client_class)(
                self.location.bucket,
                prefix=self.location.prefix or None,
                client_options=client_options,
                retry_config={"max_retries": _MOST_RETRIES, "retry_timeout": timedelta(seconds=_RETRY_TIMEOUT_S)},
            )

    @contextmanager
    def _translate_errors(self, verb: str, missing: Callable[[], ArtifactError] | None = None) -> Iterator[None]:
        """Raise the errors of obstore as ours; `missing` makes the one for an object that does not exist."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise missing() if missing and is_object_missing(error) else self._describe(verb, error) from error

    def _describe(self, verb: str, error: Exception) -> ArtifactStoreError:
        credentials = _CREDENTIALS[self.location.client_class]
        failure = describe_store_failure(error, f"{verb} packages in '{self.location}'", URL_VARIABLE, credentials)
        if failure.is_unreachable:
            return UnreachableStoreError(failure.message, hint=failure.hint)
        return ArtifactStoreError(failure.message, f"ARTIFACT_STORE_{failure.code}", hint=failure.hint)


def _age_s(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()


def open_object_store(url: str, folder: PackageFolder) -> ObjectArtifactStore:
    """Return the store of a URL; raises ConfigurationError, ExtraMissingError."""
    from importlib.util import find_spec

    location = StoreLocation.parse(url)
    if find_spec("obstore") is None:
        raise ExtraMissingError(f"keep packages in '{location}'", "obstore", "object-store")
    return ObjectArtifactStore(location, folder)

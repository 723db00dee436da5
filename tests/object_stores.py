"""Starts servers of object stores on this machine for the tests: moto's S3, and Azurite from its npm package."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import pytest

_AZURITE = Path(__file__).parents[1] / ".venv" / "azurite" / "node_modules" / "azurite" / "dist/src/blob/main.js"
_AZURITE_OPTIONS = ("--blobHost=127.0.0.1", "--blobPort=0", "--inMemoryPersistence", "--silent", "--disableTelemetry")
# The account of every Azurite, from its documentation: it protects nothing.
_ACCOUNT = "devstoreaccount1"
_ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_STORAGE_VERSION = "2021-12-02"
_SERVE_S3 = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class ObjectStoreServer:
    """A server: the scheme of its URLs, and the variables with which its users reach it."""

    scheme: str
    endpoint: str
    variables: Mapping[str, str]
    endpoint_variable: str
    key_variable: str

    def create_bucket(self, name: str) -> None:
        """Create an empty bucket or container."""
        if self.scheme == "s3":
            _send("PUT", f"{self.endpoint}/{name}", {})
        else:
            _create_container(self.endpoint, name)

    @contextmanager
    def denying(self) -> Iterator[None]:
        """Refuse every request of the block that a key of the test signs."""
        if self.scheme == "s3":
            _count_unchecked_requests(self.endpoint, "0")
        yield
        if self.scheme == "s3":
            _count_unchecked_requests(self.endpoint, "inf")


@contextmanager
def run_s3() -> Iterator[ObjectStoreServer]:
    """Serve S3 for the block, in a process that ends with this one."""
    command = [sys.executable, "-c", _SERVE_S3]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        endpoint = f"http://127.0.0.1:{int(process.stdout.readline())}"
        variables = {"AWS_ACCESS_KEY_ID": "tester", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": endpoint}
        try:
            yield ObjectStoreServer("s3", endpoint, variables, "AWS_ENDPOINT_URL", "AWS_SECRET_ACCESS_KEY")
        finally:
            process.kill()


@contextmanager
def run_azurite() -> Iterator[ObjectStoreServer]:
    """Serve Azure's blobs for the block; skips the test where the npm package or node is missing."""
    if not _AZURITE.is_file() or shutil.which("node") is None:
        pytest.skip("Azurite is not downloaded: `make node-packages`")
    with (
        tempfile.TemporaryDirectory(prefix="semantest-azurite-") as folder,
        subprocess.Popen(
            ["node", str(_AZURITE), *_AZURITE_OPTIONS],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
        ) as process,
    ):
        assert process.stdout is not None
        line = next(line for line in process.stdout if "successfully listens" in line)
        endpoint = f"http://{line.rstrip().rpartition('//')[2]}/{_ACCOUNT}"
        variables = {"AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT, "AZURE_STORAGE_ENDPOINT": endpoint}
        try:
            yield ObjectStoreServer("az", endpoint, variables, "AZURE_STORAGE_ENDPOINT", "AZURE_STORAGE_ACCOUNT_KEY")
        finally:
            process.kill()


def require_azurite(patch: pytest.MonkeyPatch) -> None:
    """Put Azurite on the PATH; skips the test where the npm package or node is missing."""
    programs = _AZURITE.parents[4] / ".bin"
    if not (programs / "azurite").exists() or shutil.which("node") is None:
        pytest.skip("Azurite is not downloaded: `make node-packages`")
    patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


def secret_key(server: ObjectStoreServer) -> str:
    """Return the key that the server accepts."""
    return "secret-key-of-the-test" if server.scheme == "s3" else _ACCOUNT_KEY


def wrong_key(server: ObjectStoreServer) -> str:
    """Return a key that it does not accept while it denies."""
    return base64.b64encode(f"wrong key of {server.scheme}".encode()).decode()


def _count_unchecked_requests(endpoint: str, number: str) -> None:
    """Let moto check the signature of every request after so many."""
    _send("POST", f"{endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}, number.encode())


def _create_container(endpoint: str, name: str) -> None:
    """Sign the request with the account's key (Shared Key authorization of Azure Storage)."""
    date = formatdate(usegmt=True)
    resource = f"/{_ACCOUNT}/{_ACCOUNT}/{name}\nrestype:container"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{_STORAGE_VERSION}\n{resource}"
    digest = hmac.new(base64.b64decode(_ACCOUNT_KEY), text.encode(), hashlib.sha256).digest()
    authorization = f"SharedKey {_ACCOUNT}:{base64.b64encode(digest).decode()}"
    headers = {"x-ms-date": date, "x-ms-version": _STORAGE_VERSION, "Authorization": authorization}
    _send("PUT", f"{endpoint}/{name}?restype=container", headers)


def _send(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> None:
    request = urllib.request.Request(url, body, dict(headers), method=method)
    with urllib.request.urlopen(request) as response:
        assert response.status < 300

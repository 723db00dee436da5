"""Publishes the packages of Static Web Apps, which take the address of a zip.

Source: Azure's reference of Static Sites (Create Zip Deployment For Static Site, Get Static Site Build) and of Storage
Accounts (List Service SAS), and a maintainer in Azure/static-web-apps#7: the address may be that of a blob, signed. The
zip is whole: the service has no documented way to send single files.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError, ProviderError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.networking.sites import SITE_RUNTIME, VARIABLES_FILE
from semantest_iac.infrastructure.cloud_programs.azure.credentials import create_azure_client
from semantest_iac.infrastructure.cloud_programs.azure.sites.configuration import (
    SITE_CONFIGURATION_FILE,
    render_configuration,
)
from semantest_iac.infrastructure.cloud_programs.code_publishing import (
    PACKAGE_TAG,
    RETRYABLE_STATUSES,
    AppOutputs,
    PublishingMethod,
    ServiceClient,
    publishing_error,
)
from semantest_iac.infrastructure.cloud_programs.site_files import render_variables

STATIC_WEB_APP_TYPE = "azure-native:web:StaticSite"
PACKAGE_CONTAINER = "site"
SETTINGS_METADATA = "settings"
SETTINGS_TAG, STORAGE_TAG = "SiteSettings", "SiteStorage"
"""Tags of an app: what its settings are by a digest, and the account with its packages."""

_MANAGEMENT = "https://management.azure.com"
_SITE_API, _STORAGE_API, _BLOB_API = "2024-04-01", "2024-01-01", "2023-11-03"
_SIGNATURE_HOURS = 1
_TRIES, _PAUSE_S = 120, 5.0
_BUSY, _FAILED = ("WaitingForDeployment", "Uploading", "Deploying"), ("Failed", "Detached", "Deleting")
_SIGNATURE = re.compile(r"([?&]sig=)[^&\s\"']*")
_FIRST_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip knows: the same files make the same bytes
_HINTS = {
    401: "Log in again: az login.",
    403: "The deploying identity needs the roles Website Contributor and Storage Account Contributor.",
}
_RETRY_HINT = "Deploy again: the package is published to every site that does not have it yet."


def read_site_digest(app: AppOutputs, client: ServiceClient) -> str:
    """Return the digest of the package that was deployed last, with the settings of now; empty for any other.

    The service does not say what it has, so each deployment that ended well leaves a note beside the packages.
    """
    try:
        noted = _BlobContainer(app, client).read(_note_of(app))
    except _RefusedRequest as refused:
        if refused.status == 404:
            return ""
        raise _publish_error(app, refused) from refused
    digest, _, settings = noted.partition(" ")
    return digest if settings == _tag(app, SETTINGS_TAG) else ""


def publish_site(app: AppOutputs, package: Artifact, client: ServiceClient) -> None:
    """Upload the zip, have it deployed, and wait until it is; then note which one it was."""
    try:
        settings = json.loads(_read_settings(app, client))
        container = _BlobContainer(app, client)
        blob = f"packages/{package.digest}-{_tag(app, SETTINGS_TAG)}.zip"
        container.write(blob, build_site_zip(package, settings))
        _deploy(app, container.find_address(blob), client)
        _wait_for_build(app, client)
        container.write(_note_of(app), f"{package.digest} {_tag(app, SETTINGS_TAG)}".encode())
    except _RefusedRequest as refused:
        raise _publish_error(app, refused) from refused


def build_site_zip(package: Artifact, settings: Mapping[str, Any]) -> bytes:
    """Return the package with the files that the deployment writes: the service's configuration, and the variables."""
    buffer = io.BytesIO()
    try:
        with zipfile.ZipFile(package.path) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
            paths = [it for it in source.namelist() if not it.endswith("/")]
            ours = {SITE_CONFIGURATION_FILE: render_configuration(paths, settings)}
            if variables := settings["variables"]:
                ours[VARIABLES_FILE] = render_variables(variables)
            for path in paths:
                if path not in ours:
                    target.writestr(_entry(path), source.read(path))
            for path, text in sorted(ours.items()):
                target.writestr(_entry(path), text)
    except (OSError, zipfile.BadZipFile) as error:
        message = f"Cannot publish the site '{package.path}': {getattr(error, 'strerror', None) or error}."
        raise ArtifactError(message, hint="Deploy the source again, which builds its package again.") from error
    return buffer.getvalue()


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, _FIRST_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


class _RefusedRequest(Exception):  # noqa: N818 - the service's response, not an error of this program
    """A response that is no success; its reason has no signature."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = _SIGNATURE.sub(r"\1***", reason)


def _tag(app: AppOutputs, name: str) -> str:
    return str((app.get("tags") or {}).get(name, ""))


def _note_of(app: AppOutputs) -> str:
    """Return the blob with the note: an app that is made anew has another host, and no note."""
    return f"deployed/{app['defaultHostname']}"


def _account_path(app: AppOutputs) -> str:
    group = str(app["id"]).partition("/providers/")[0]
    return f"{group}/providers/Microsoft.Storage/storageAccounts/{_tag(app, STORAGE_TAG)}"


class _BlobContainer:
    """The container of an app's packages, opened for an hour by a signature of the account."""

    def __init__(self, app: AppOutputs, client: ServiceClient) -> None:
        self._app = app
        self._client = client
        self._origin = f"https://{_tag(app, STORAGE_TAG)}.blob.core.windows.net"
        self._signature = self._sign("", "c", "rcw")

    def find_address(self, blob: str) -> str:
        """Return an address at which this blob alone is read, a secret for as long as its signature holds."""
        return f"{self._origin}/{PACKAGE_CONTAINER}/{blob}?{self._sign(f'/{blob}', 'b', 'r')}"

    def _sign(self, below: str, resource: str, permissions: str) -> str:
        until = datetime.now(UTC) + timedelta(hours=_SIGNATURE_HOURS)
        body = {
            "canonicalizedResource": f"/blob/{_tag(self._app, STORAGE_TAG)}/{PACKAGE_CONTAINER}{below}",
            "signedResource": resource,
            "signedPermission": permissions,
            "signedProtocol": "https",
            "signedExpiry": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        answer = _manage(self._client, "POST", f"{_account_path(self._app)}/ListServiceSas", _STORAGE_API, body)
        return str(json.loads(answer.body)["serviceSasToken"])

    def read(self, blob: str) -> str:
        """Return the text of a blob."""
        return self._send("GET", blob).body.decode(errors="replace")

    def write(self, blob: str, content: bytes) -> None:
        """Write a blob, in place of one of its name."""
        self._send("PUT", blob, content)

    def _send(self, method: str, blob: str, content: bytes = b"") -> HttpResponse:
        headers = [("x-ms-version", _BLOB_API)]
        if method == "PUT":
            headers += [("x-ms-blob-type", "BlockBlob"), ("content-type", "application/octet-stream")]
        query = tuple(parse_qsl(self._signature, keep_blank_values=True))
        request = HttpRequest(method, f"/{PACKAGE_CONTAINER}/{blob}", query, tuple(headers), content)
        return _send(self._client, self._origin, request)


def _read_settings(app: AppOutputs, client: ServiceClient) -> str:
    path = f"{_account_path(app)}/blobServices/default/containers/{PACKAGE_CONTAINER}"
    answer = json.loads(_manage(client, "GET", path, _STORAGE_API).body)
    metadata = answer.get("properties", {}).get("metadata") or {}
    return str(metadata[SETTINGS_METADATA])


def _deploy(app: AppOutputs, address: str, client: ServiceClient) -> None:
    properties = {"appZipUrl": address, "deploymentTitle": _tag(app, PACKAGE_TAG)[:12], "provider": "semantest-iac"}
    _manage(client, "POST", f"{app['id']}/zipdeploy", _SITE_API, {"properties": properties})


def _wait_for_build(app: AppOutputs, client: ServiceClient) -> None:
    for _ in range(_TRIES):
        client.wait(_PAUSE_S)
        answer = json.loads(_manage(client, "GET", f"{app['id']}/builds/default", _SITE_API).body)
        status = str(answer.get("properties", {}).get("status", ""))
        if status in _FAILED:
            raise _RefusedRequest(0, f"the deployment of the files ended as {status}")
        if status not in _BUSY:
            return
    raise _RefusedRequest(0, "the deployment of the files did not end")


def _manage(
    client: ServiceClient, method: str, path: str, version: str, body: Mapping[str, Any] | None = None
) -> HttpResponse:
    headers = (("authorization", f"Bearer {client.token()}"), ("content-type", "application/json"))
    content = json.dumps(body).encode() if body is not None else b""
    return _send(client, _MANAGEMENT, HttpRequest(method, path, (("api-version", version),), headers, content))


def _send(client: ServiceClient, origin: str, request: HttpRequest) -> HttpResponse:
    """Return a success; what may pass is tried again, and other responses are raised."""
    response = HttpResponse(503)
    for attempt in range(4):
        response = client.ask(origin, request)
        if response.status < 300:
            return response
        if response.status not in RETRYABLE_STATUSES:
            break
        client.wait(_PAUSE_S * (attempt + 1))
    reason = response.body.decode(errors="replace").strip()[:500]
    raise _RefusedRequest(response.status, reason or f"status {response.status}")


def _publish_error(app: AppOutputs, refused: _RefusedRequest) -> ProviderError:
    hint = _HINTS.get(refused.status, _RETRY_HINT)
    return publishing_error("azure", "the files", app, refused.reason, hint)


STATIC_SITE_PUBLISHING = PublishingMethod(
    STATIC_WEB_APP_TYPE,
    read_site_digest,
    publish_site,
    create_azure_client,
    publishes_settings=True,
    takes=lambda package: package.runtime == SITE_RUNTIME,
)

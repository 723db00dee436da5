"""What publishing a static site asks of Azure: Resource Manager, and the blobs of one container.

Blobs live as long as the service does; which package an app has is recorded in the cloud.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.simulated_cloud.azure.sites.static_sites import STATIC_SITE_TYPE
from semantest_iac.infrastructure.simulated_cloud.azure.storage import CONTAINER_TYPE, STORAGE_ACCOUNT_TYPE
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal

MANAGEMENT_ORIGIN: Final = "https://management.azure.com"
_BLOB_ORIGIN: Final = re.compile(r"https://(?P<account>[a-z0-9]+)\.blob\.core\.windows\.net")
_NOTE: Final = re.compile(r"/site/deployed/(?P<host>[a-z0-9.-]+)")


class SiteContentService:
    """Answers for the static sites of a subscription; `takes` says which requests are for it."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self._cloud = cloud
        self._blobs: dict[str, bytes] = {}

    @staticmethod
    def takes(origin: str) -> bool:
        """Whether the origin is one that it answers for."""
        return origin == MANAGEMENT_ORIGIN or _BLOB_ORIGIN.fullmatch(origin) is not None

    def __call__(self, origin: str, request: HttpRequest) -> HttpResponse:
        if match := _BLOB_ORIGIN.fullmatch(origin):
            return self._answer_blob(match["account"], request)
        if not any(name.lower() == "authorization" for name, _ in request.headers):
            return _json(401, {"error": {"code": "AuthenticationFailed"}})
        return self._answer_management(request)

    def _answer_management(self, request: HttpRequest) -> HttpResponse:
        path, _, action = request.path.rpartition("/")
        if action == "ListServiceSas":
            outputs = self._find(STORAGE_ACCOUNT_TYPE, path)
            if outputs is None:
                return _not_found(path)
            if outputs.get("allowSharedKeyAccess") is False:
                return _json(403, {"error": {"code": "KeyBasedAuthenticationNotPermitted"}})
            asked = json.loads(request.body)
            token = {"sv": "2023-11-03", "sr": asked["signedResource"], "sp": asked["signedPermission"]}
            return _json(200, {"serviceSasToken": urlencode({**token, "sig": "simulated"})})
        if action == "zipdeploy":
            return self._deploy(path, request)
        if path.endswith("/builds"):
            app = path.removesuffix("/builds")
            found = self._find(STATIC_SITE_TYPE, app)
            return _not_found(app) if found is None else _json(200, {"properties": {"status": "Ready"}})
        container = self._find(CONTAINER_TYPE, request.path)
        if container is None:
            return _not_found(request.path)
        return _json(200, {"properties": {"metadata": container.get("metadata") or {}}})

    def _deploy(self, app: str, request: HttpRequest) -> HttpResponse:
        """Take the zip at an address of ours; another address cannot be reached from here."""
        if self._find(STATIC_SITE_TYPE, app) is None:
            return _not_found(app)
        address, _, signature = str(json.loads(request.body)["properties"]["appZipUrl"]).partition("?")
        if address not in self._blobs or "r" not in dict(parse_qsl(signature)).get("sp", ""):
            return _json(400, {"error": {"code": "BadRequest", "message": "The zip cannot be read."}})
        return _json(202, {})

    def _answer_blob(self, account: str, request: HttpRequest) -> HttpResponse:
        address = f"https://{account}.blob.core.windows.net{request.path}"
        signed = dict(request.query)
        if "sig" not in signed:
            return HttpResponse(404, body=b"ResourceNotFound")
        if not set("w" if request.method == "PUT" else "r") & set(signed.get("sp", "")):
            return HttpResponse(403, body=b"AuthorizationPermissionMismatch")
        if note := _NOTE.fullmatch(request.path):
            return self._answer_note(note["host"], request)
        if request.method == "PUT":
            self._blobs[address] = request.body
            return HttpResponse(201)
        content = self._blobs.get(address)
        return HttpResponse(404, body=b"BlobNotFound") if content is None else HttpResponse(200, body=content)

    def _answer_note(self, host: str, request: HttpRequest) -> HttpResponse:
        """Keep the note about what was deployed as the code of the app, which the cloud remembers."""
        apps = (id_ for type_, id_ in self._cloud.list_resources() if type_ == STATIC_SITE_TYPE)
        app = next(
            (id_ for id_ in apps if (self._find(STATIC_SITE_TYPE, id_) or {}).get("defaultHostname") == host), ""
        )
        if request.method == "PUT":
            try:
                self._cloud.publish_code(STATIC_SITE_TYPE, app, request.body.decode())
            except CloudRefusal as refusal:
                return _json(refusal.status, {"error": {"code": refusal.code, "message": refusal.message}})
            return HttpResponse(201)
        noted = self._cloud.published_code_digest(STATIC_SITE_TYPE, app) if app else ""
        return HttpResponse(200, body=noted.encode()) if noted else HttpResponse(404, body=b"BlobNotFound")

    def _find(self, type_: str, id_: str) -> dict[str, Any] | None:
        """Return the outputs of a resource, None where there is none."""
        found = self._cloud.read(type_, id_)
        return dict(found) if found else None


def _json(status: int, body: Any) -> HttpResponse:
    return HttpResponse(status, (("content-type", "application/json"),), json.dumps(body).encode())


def _not_found(id_: str) -> HttpResponse:
    return _json(404, {"error": {"code": "ResourceNotFound", "message": f"The Resource '{id_}' was not found."}})

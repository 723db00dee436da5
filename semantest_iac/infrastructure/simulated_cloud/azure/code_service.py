"""Kudu, the deployment service of function apps, which takes their packages."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.simulated_cloud.azure.compute_guards import APP_TYPE
from semantest_iac.infrastructure.simulated_cloud.azure.sites.content_service import SiteContentService
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal

_HOST_SUFFIX: Final = ".scm.azurewebsites.net"
_FAILED, _SUCCEEDED = 3, 4  # the numbers are Kudu's
_DEPLOYMENTS_PATH: Final = "/api/deployments/"


class CodeService:
    """Answers requests to the deployment services of all apps of a subscription, and of its static sites."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self._cloud = cloud
        self._failed: dict[str, str] = {}
        self._sites = SiteContentService(cloud)

    def __call__(self, origin: str, request: HttpRequest) -> HttpResponse:
        if self._sites.takes(origin):
            return self._sites(origin, request)
        app = self._app(origin)
        if app is None:
            return _json_response(404, {"message": f"There is no site at {origin}."})
        if self._refuses_addresses(app):
            return _json_response(403, {"message": "The address of the tools refuses requests from outside."})
        if not any(name.lower() == "authorization" for name, _ in request.headers):
            return _json_response(401, {"message": "The request has no authorization header."})
        if (request.method, request.path) == ("POST", "/api/publish"):
            return self._publish(app, request)
        if request.method == "GET" and request.path.startswith(_DEPLOYMENTS_PATH):
            return self._deployment(app, request.path.removeprefix(_DEPLOYMENTS_PATH))
        return _json_response(404, {"message": "Not found."})

    def _app(self, origin: str) -> str | None:
        name = origin.removeprefix("https://").removesuffix(_HOST_SUFFIX)
        ids = (id_ for type_, id_ in self._cloud.list_resources() if type_ == APP_TYPE)
        return next((id_ for id_ in ids if id_.endswith(f"/sites/{name}")), None)

    def _refuses_addresses(self, app: str) -> bool:
        """Whether the app has no public address, which every request here comes to; rules of the tools are not known.

        Source: Azure's overview of access restrictions (app access, for both sites).
        """
        return (self._cloud.read(APP_TYPE, app) or {}).get("publicNetworkAccess") == "Disabled"

    def _publish(self, app: str, request: HttpRequest) -> HttpResponse:
        """Accept a package; a client learns from the deployment whether it failed."""
        digest = sha256(request.body).hexdigest()
        deployment = str(uuid5(NAMESPACE_URL, f"{app}/{digest}"))
        self._failed.pop(deployment, None)
        try:
            self._cloud.publish_code(APP_TYPE, app, digest)
        except CloudRefusal as refusal:
            if refusal.status in (409, 429) or refusal.status >= 500:
                return _json_response(refusal.status, {"message": refusal.message})
            self._failed[deployment] = refusal.message
        return _json_response(202, deployment)

    def _deployment(self, app: str, deployment: str) -> HttpResponse:
        if deployment in self._failed:
            return _json_response(200, {"id": deployment, "status": _FAILED, "status_text": self._failed[deployment]})
        digest = self._cloud.published_code_digest(APP_TYPE, app)
        id_ = str(uuid5(NAMESPACE_URL, f"{app}/{digest}"))
        if not digest or deployment not in ("latest", id_):
            return _json_response(404, {"message": f"There is no deployment {deployment}."})
        return _json_response(
            200, {"id": id_, "status": _SUCCEEDED, "deployer": f"semantest-iac-{digest}", "active": True}
        )


def _json_response(status: int, body: Any) -> HttpResponse:
    return HttpResponse(status, (("content-type", "application/json"),), json.dumps(body).encode())

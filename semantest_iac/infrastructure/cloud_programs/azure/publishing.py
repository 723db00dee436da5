"""Packages for function apps on Flex Consumption: its one deploy, which is no resource.

Source: what the Azure CLI asks for such apps (`/api/publish`, `/api/deployments/…`), and Kudu's numbers of states.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError, ProviderError
from semantest_iac.domain.networking.apis import WebSocketEndpoint
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.cloud_programs.azure.credentials import cached_token
from semantest_iac.infrastructure.cloud_programs.code_publishing import AppOutputs, PublishingMethod, ServiceClient
from semantest_iac.infrastructure.cloud_programs.https import send_https

FUNCTION_APP_TYPE = "azure-native:web:WebApp"
PUB_SUB_HUB_TYPE = "azure-native:webpubsub:WebPubSubHub"
_DEPLOYER_PREFIX = "semantest-iac-"  # with the digest behind it: the service keeps who deployed, and tells it again
_FAILED, _SUCCEEDED = 3, 4
_RETRYABLE_STATUSES = (409, 429, 500, 502, 503, 504)
_PUBLISH_TIMEOUT_S, _RETRY_INTERVAL_S, _POLL_INTERVAL_S = 900.0, 15.0, 3.0
_START_TIMEOUT_S = 90.0
_HINTS = {
    401: "Log in again: az login.",
    403: "The deploying identity needs the role Website Contributor on the app.",
    404: "The app is not there, or does not let its deployment service be reached.",
    413: "The package is too large for the service.",
}
_RETRY_HINT = "Deploy again: the package is published where it does not run yet."


def running_digest(app: AppOutputs, line: ServiceClient) -> str:
    """The digest of the last deployment, where it went well and was ours; else empty."""
    answer = _request_deployment_service(app, line, "GET", "/api/deployments/latest")
    told = _json_object(answer) if answer.status == 200 else {}
    deployer = str(told.get("deployer") or "")
    is_ours = told.get("status") == _SUCCEEDED and deployer.startswith(_DEPLOYER_PREFIX)
    return deployer.removeprefix(_DEPLOYER_PREFIX) if is_ours else ""


def publish_package(app: AppOutputs, package: Artifact, line: ServiceClient) -> None:
    """Try until the package runs, for as long as the service says that trying may help: roles take minutes to act."""
    body = _read_package(package)
    for pause in _pauses(_RETRY_INTERVAL_S):
        try:
            _publish_once(app, package.digest, body, line)
            return _wait_for_host(app, line)
        except _Refusal as refusal:
            if not refusal.may_pass or pause is None:
                raise _publish_error(app, refusal) from refusal
            line.wait(refusal.after or pause)
    return None


def _read_package(package: Artifact) -> bytes:
    try:
        return package.path.read_bytes()
    except OSError as error:
        message = f"Cannot publish package '{package.path}': {error.strerror or error}."
        raise ArtifactError(message, hint="Deploy the source again: its package is then built anew.") from error


@dataclass
class _Refusal(Exception):  # noqa: N818 - an answer of the service, not a fault of this program
    """Why one try came to nothing, whether another may help, and after how many seconds the service wants it."""

    reason: str
    status: int = 0
    may_pass: bool = False
    after: float = 0.0


def _publish_once(app: AppOutputs, digest: str, body: bytes, line: ServiceClient) -> None:
    query = (("RemoteBuild", "false"), ("Deployer", f"{_DEPLOYER_PREFIX}{digest}"))
    answer = _request_deployment_service(app, line, "POST", "/api/publish", query=query, body=body)
    if answer.status not in (200, 202):
        raise _refusal_of(answer)
    _wait_for_deployment(app, json.loads(answer.body or b'"latest"'), line)


def _wait_for_deployment(app: AppOutputs, deployment: str, line: ServiceClient) -> None:
    """Look until the deployment has ended."""
    for pause in _pauses(_POLL_INTERVAL_S):
        answer = _request_deployment_service(app, line, "GET", f"/api/deployments/{deployment}")
        told = _json_object(answer) if answer.status == 200 else {}
        if told.get("status") == _SUCCEEDED:
            return
        if told.get("status") == _FAILED:
            reason = str(told.get("status_text") or told.get("message") or "the service gave no reason")
            raise _Refusal(reason, may_pass="Forbidden" in reason)  # a role that does not act yet
        if answer.status not in (200, 202, 404, *_RETRYABLE_STATUSES):
            raise _refusal_of(answer)
        if pause is not None:
            line.wait(pause)
    raise _Refusal("the deployment did not end")


def _wait_for_host(app: AppOutputs, line: ServiceClient) -> None:
    """The host starts anew with the package; whether the service is well is for others to ask."""
    for pause in _pauses(_POLL_INTERVAL_S, _START_TIMEOUT_S):
        if _send(f"https://{app['defaultHostName']}", HttpRequest("GET", "/"), line).status not in _RETRYABLE_STATUSES:
            return
        if pause is not None:
            line.wait(pause)


def _pauses(seconds: float, patience: float = _PUBLISH_TIMEOUT_S) -> Iterator[float | None]:
    """As many as patience holds; None for the last."""
    yield from [seconds] * int(patience / seconds)
    yield None


def _request_deployment_service(
    app: AppOutputs, line: ServiceClient, method: str, path: str, *, query: Pairs = (), body: bytes = b""
) -> HttpResponse:
    """One request to the app's deployment service, which has a host of its own."""
    headers = (("authorization", f"Bearer {line.token()}"), ("content-type", "application/zip"))
    origin = f"https://{str(app['defaultHostName']).replace('.', '.scm.', 1)}"
    return _send(origin, HttpRequest(method, path, query, headers, body), line)


def _send(origin: str, request: HttpRequest, line: ServiceClient) -> HttpResponse:
    """No answer is one, too: that somebody is to come back later."""
    try:
        return line.send(origin, request)
    except OSError as error:
        return HttpResponse(503, body=str(getattr(error, "reason", None) or error).encode())


def _refusal_of(answer: HttpResponse) -> _Refusal:
    after = dict(answer.headers).get("retry-after", "")
    reason = _json_object(answer).get("message") or answer.body.decode(errors="replace").strip()[:500]
    return _Refusal(
        str(reason or f"status {answer.status}"),
        answer.status,
        may_pass=answer.status in _RETRYABLE_STATUSES,
        after=float(after) if after.isdecimal() else 0.0,
    )


def _json_object(answer: HttpResponse) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _publish_error(app: AppOutputs, refusal: _Refusal) -> ProviderError:
    return ProviderError(
        f"Cannot publish the package to '{app['name']}': {refusal.reason.rstrip('.')}.",
        "PUBLISH_FAILED",
        provider="azure",
        resource=str(app.get("id") or app["name"]),
        hint=_HINTS.get(refusal.status, _RETRY_HINT),
    )


def _service_client() -> ServiceClient:
    return ServiceClient(send_https, cached_token(send_https), time.sleep)


FUNCTION_APP_PUBLISHING = PublishingMethod(
    FUNCTION_APP_TYPE, running_digest, publish_package, _service_client, {WebSocketEndpoint: PUB_SUB_HUB_TYPE}
)

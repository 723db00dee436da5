"""Publishes packages of function apps on Flex Consumption by its one deploy, which is no resource.

Source: the requests of the Azure CLI (`/api/publish`, `/api/deployments/…`) and Kudu's status numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.networking.apis import WebSocketEndpoint
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.cloud_programs.azure.credentials import create_azure_client
from semantest_iac.infrastructure.cloud_programs.code_publishing import (
    RETRYABLE_STATUSES,
    AppOutputs,
    PublishingMethod,
    ServiceClient,
    publishing_error,
)

FUNCTION_APP_TYPE = "azure-native:web:WebApp"
CANARY_APP = "canary"
"""The name of the app that runs a new version beside the live one, and its purpose in names."""

PUB_SUB_HUB_TYPE = "azure-native:webpubsub:WebPubSubHub"
_DEPLOYER_PREFIX = "semantest-iac-"  # followed by the digest: the service stores the deployer and returns it
_FAILED, _SUCCEEDED = 3, 4
_PUBLISH_TIMEOUT_S, _RETRY_INTERVAL_S, _POLL_INTERVAL_S = 900.0, 15.0, 3.0
_START_TIMEOUT_S = 90.0
_HINTS = {
    401: "Log in again: az login.",
    403: "The deploying identity needs the role Website Contributor on the app.",
    404: "The app does not exist, or its deployment service cannot be reached.",
    413: "The package is too large for the service.",
}
_RETRY_HINT = "Deploy again: the package is published to every app that does not run it yet."


def running_digest(app: AppOutputs, client: ServiceClient) -> str:
    """Return the digest of the last deployment if it succeeded and was ours, otherwise an empty text."""
    response = _request_deployment_service(app, client, "GET", "/api/deployments/latest")
    content = _json_object(response) if response.status == 200 else {}
    deployer = str(content.get("deployer") or "")
    is_ours = content.get("status") == _SUCCEEDED and deployer.startswith(_DEPLOYER_PREFIX)
    return deployer.removeprefix(_DEPLOYER_PREFIX) if is_ours else ""


def publish_package(app: AppOutputs, package: Artifact, client: ServiceClient) -> None:
    """Retry while the service calls that useful, until the package runs: roles take minutes to become effective."""
    body = _read_package(package)
    for pause in _pauses(_RETRY_INTERVAL_S):
        try:
            _publish_once(app, package.digest, body, client)
            return _wait_for_host(app, client)
        except _Refusal as refusal:
            if not refusal.can_retry or pause is None:
                hint = _HINTS.get(refusal.status, _RETRY_HINT)
                raise publishing_error("azure", "the package", app, refusal.reason, hint) from refusal
            client.wait(refusal.retry_after or pause)
    return None


def _read_package(package: Artifact) -> bytes:
    try:
        return package.path.read_bytes()
    except OSError as error:
        message = f"Cannot publish package '{package.path}': {error.strerror or error}."
        raise ArtifactError(message, hint="Deploy the source again, which builds its package again.") from error


@dataclass
class _Refusal(Exception):  # noqa: N818 - the service's response, not an error of this program
    """Why one attempt failed, whether a retry may succeed, and the delay in seconds that the service asks for."""

    reason: str
    status: int = 0
    can_retry: bool = False
    retry_after: float = 0.0


def _publish_once(app: AppOutputs, digest: str, body: bytes, client: ServiceClient) -> None:
    query = (("RemoteBuild", "false"), ("Deployer", f"{_DEPLOYER_PREFIX}{digest}"))
    response = _request_deployment_service(app, client, "POST", "/api/publish", query=query, body=body)
    if response.status not in (200, 202):
        raise _refusal_of(response)
    _wait_for_deployment(app, json.loads(response.body or b'"latest"'), client)


def _wait_for_deployment(app: AppOutputs, deployment: str, client: ServiceClient) -> None:
    for pause in _pauses(_POLL_INTERVAL_S):
        response = _request_deployment_service(app, client, "GET", f"/api/deployments/{deployment}")
        content = _json_object(response) if response.status == 200 else {}
        if content.get("status") == _SUCCEEDED:
            return
        if content.get("status") == _FAILED:
            reason = str(content.get("status_text") or content.get("message") or "the service gave no reason")
            raise _Refusal(reason, can_retry="Forbidden" in reason)  # a role that is not effective yet
        if response.status not in (200, 202, 404, *RETRYABLE_STATUSES):
            raise _refusal_of(response)
        if pause is not None:
            client.wait(pause)
    raise _Refusal("the deployment did not end")


def _wait_for_host(app: AppOutputs, client: ServiceClient) -> None:
    """Wait until the host has restarted with the package; it does not check the service's health."""
    for pause in _pauses(_POLL_INTERVAL_S, _START_TIMEOUT_S):
        response = client.ask(f"https://{app['defaultHostName']}", HttpRequest("GET", "/"))
        if response.status not in RETRYABLE_STATUSES:
            return
        if pause is not None:
            client.wait(pause)


def _pauses(seconds: float, timeout: float = _PUBLISH_TIMEOUT_S) -> Iterator[float | None]:
    """Yield the pause after each attempt, None after the last."""
    yield from [seconds] * int(timeout / seconds)
    yield None


def _request_deployment_service(
    app: AppOutputs, client: ServiceClient, method: str, path: str, *, query: Pairs = (), body: bytes = b""
) -> HttpResponse:
    """Send a request to the app's deployment service, which has its own host."""
    headers = (("authorization", f"Bearer {client.token()}"), ("content-type", "application/zip"))
    origin = f"https://{str(app['defaultHostName']).replace('.', '.scm.', 1)}"
    return client.ask(origin, HttpRequest(method, path, query, headers, body))


def _refusal_of(response: HttpResponse) -> _Refusal:
    after = dict(response.headers).get("retry-after", "")
    reason = _json_object(response).get("message") or response.body.decode(errors="replace").strip()[:500]
    return _Refusal(
        str(reason or f"status {response.status}"),
        response.status,
        can_retry=response.status in RETRYABLE_STATUSES,
        retry_after=float(after) if after.isdecimal() else 0.0,
    )


def _json_object(response: HttpResponse) -> dict[str, Any]:
    try:
        content = json.loads(response.body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


FUNCTION_APP_PUBLISHING = PublishingMethod(
    FUNCTION_APP_TYPE,
    running_digest,
    publish_package,
    create_azure_client,
    {WebSocketEndpoint: PUB_SUB_HUB_TYPE},
    CANARY_APP,
)

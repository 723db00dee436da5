"""Packages for function apps on Flex Consumption: its one deploy, which is no resource.

Source: what the Azure CLI asks for such apps (`/api/publish`, `/api/deployments/…`), and Kudu's numbers of states.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.compute.artifact import Artifact
from semantest_iac.domain.errors import ArtifactError, ProviderError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.domain.networking.web_socket_endpoint import WebSocketEndpoint
from semantest_iac.infrastructure.cloud_programs.azure.credentials import from_environment
from semantest_iac.infrastructure.cloud_programs.code import CodePush, Line, Outputs
from semantest_iac.infrastructure.cloud_programs.https import send

APP = "azure-native:web:WebApp"
HUB = "azure-native:webpubsub:WebPubSubHub"
_DEPLOYER = "semantest-iac-"  # with the digest behind it: the service keeps who deployed, and tells it again
_FAILED, _SUCCEEDED = 3, 4
_LATER = (409, 429, 500, 502, 503, 504)
_PATIENCE_S, _BETWEEN_TRIES_S, _BETWEEN_LOOKS_S = 900.0, 15.0, 3.0
_START_S = 90.0
_HINTS = {
    401: "Log in again: az login.",
    403: "The deploying identity needs the role Website Contributor on the app.",
    404: "The app is not there, or does not let its deployment service be reached.",
    413: "The package is too large for the service.",
}
_AGAIN = "Deploy again: the package is published where it does not run yet."


def running(app: Outputs, line: Line) -> str:
    """The digest of the last deployment, where it went well and was ours; else empty."""
    answer = _ask(app, line, "GET", "/api/deployments/latest")
    told = _told(answer) if answer.status == 200 else {}
    deployer = str(told.get("deployer") or "")
    is_ours = told.get("status") == _SUCCEEDED and deployer.startswith(_DEPLOYER)
    return deployer.removeprefix(_DEPLOYER) if is_ours else ""


def publish(app: Outputs, package: Artifact, line: Line) -> None:
    """Try until the package runs, for as long as the service says that trying may help: roles take minutes to act."""
    body = _content(package)
    for pause in _pauses(_BETWEEN_TRIES_S):
        try:
            _once(app, package.digest, body, line)
            return _wait_for_host(app, line)
        except _Refusal as refusal:
            if not refusal.may_pass or pause is None:
                raise _failed(app, refusal) from refusal
            line.wait(refusal.after or pause)
    return None


def _content(package: Artifact) -> bytes:
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


def _once(app: Outputs, digest: str, body: bytes, line: Line) -> None:
    query = (("RemoteBuild", "false"), ("Deployer", f"{_DEPLOYER}{digest}"))
    answer = _ask(app, line, "POST", "/api/publish", query=query, body=body)
    if answer.status not in (200, 202):
        raise _refused(answer)
    _follow(app, json.loads(answer.body or b'"latest"'), line)


def _follow(app: Outputs, deployment: str, line: Line) -> None:
    """Look until the deployment has ended."""
    for pause in _pauses(_BETWEEN_LOOKS_S):
        answer = _ask(app, line, "GET", f"/api/deployments/{deployment}")
        told = _told(answer) if answer.status == 200 else {}
        if told.get("status") == _SUCCEEDED:
            return
        if told.get("status") == _FAILED:
            reason = str(told.get("status_text") or told.get("message") or "the service gave no reason")
            raise _Refusal(reason, may_pass="Forbidden" in reason)  # a role that does not act yet
        if answer.status not in (200, 202, 404, *_LATER):
            raise _refused(answer)
        if pause is not None:
            line.wait(pause)
    raise _Refusal("the deployment did not end")


def _wait_for_host(app: Outputs, line: Line) -> None:
    """The host starts anew with the package; whether the service is well is for others to ask."""
    for pause in _pauses(_BETWEEN_LOOKS_S, _START_S):
        if _answer(f"https://{app['defaultHostName']}", HttpRequest("GET", "/"), line).status not in _LATER:
            return
        if pause is not None:
            line.wait(pause)


def _pauses(seconds: float, patience: float = _PATIENCE_S) -> Iterator[float | None]:
    """As many as patience holds; None for the last."""
    yield from [seconds] * int(patience / seconds)
    yield None


def _ask(app: Outputs, line: Line, method: str, path: str, *, query: Pairs = (), body: bytes = b"") -> HttpResponse:
    """One request to the app's deployment service, which has a host of its own."""
    headers = (("authorization", f"Bearer {line.token()}"), ("content-type", "application/zip"))
    origin = f"https://{str(app['defaultHostName']).replace('.', '.scm.', 1)}"
    return _answer(origin, HttpRequest(method, path, query, headers, body), line)


def _answer(origin: str, request: HttpRequest, line: Line) -> HttpResponse:
    """No answer is one, too: that somebody is to come back later."""
    try:
        return line.send(origin, request)
    except OSError as error:
        return HttpResponse(503, body=str(getattr(error, "reason", None) or error).encode())


def _refused(answer: HttpResponse) -> _Refusal:
    after = dict(answer.headers).get("retry-after", "")
    reason = _told(answer).get("message") or answer.body.decode(errors="replace").strip()[:500]
    return _Refusal(
        str(reason or f"status {answer.status}"),
        answer.status,
        may_pass=answer.status in _LATER,
        after=float(after) if after.isdecimal() else 0.0,
    )


def _told(answer: HttpResponse) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _failed(app: Outputs, refusal: _Refusal) -> ProviderError:
    return ProviderError(
        f"Cannot publish the package to '{app['name']}': {refusal.reason.rstrip('.')}.",
        "PUBLISH_FAILED",
        provider="azure",
        resource=str(app.get("id") or app["name"]),
        hint=_HINTS.get(refusal.status, _AGAIN),
    )


def _line() -> Line:
    return Line(send, from_environment(send), time.sleep)


PUSH = CodePush(APP, running, publish, _line, {WebSocketEndpoint: HUB})

"""A client of registries: reads and writes manifests and blobs of one repository.

Source: the OCI distribution specification 1.1, and "Token Authentication" of the distribution project.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Protocol, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

from semantest_iac.infrastructure.container_images.image_names import ImageName

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX_TYPES = (OCI_INDEX, DOCKER_INDEX)
_MANIFEST_TYPES = ", ".join((OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST))
_LARGEST_MANIFEST, _LARGEST_TOKEN = 4 * 1024 * 1024, 1024 * 1024  # the first as registries limit it
_TIMEOUT_S = 120.0
_PAUSES_S = (1.0, 3.0, 9.0)
_RETRYABLE = (408, 429, 500, 502, 503, 504)
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_Result = TypeVar("_Result")


class RegistryError(Exception):
    """Why a registry did not do what was asked, in its own words; a `status` of 0: it did not answer.

    `can_retry` says whether the same request may succeed a moment later.
    """

    def __init__(self, reason: str, status: int = 0, *, is_absent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.can_retry = not is_absent and (status == 0 or status in _RETRYABLE)


@dataclass(frozen=True, slots=True)
class RegistryAnswer:
    """The status, headers in small letters, and the open body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: IO[bytes]

    def read(self, most: int) -> bytes:
        """Return the body, which may be that long; raises RegistryError."""
        content = self.body.read(most + 1)
        if len(content) > most:
            raise RegistryError(f"its answer is larger than {most} bytes", self.status)
        return content


class RegistryLogin(Protocol):
    """Authorizes the requests of one repository."""

    def authorize(self, challenge: str) -> str:
        """Return the header `Authorization` for a challenge (`WWW-Authenticate`), empty if there is none.

        Raises RegistryError.
        """
        ...


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """Logs in with a user and a password, or without a user as anybody; a challenge may ask for a token instead."""

    user: str = ""
    password: str = field(default="", repr=False)

    def authorize(self, challenge: str) -> str:
        """Answer with the password itself, or with a token that the registry's own service gives for it."""
        basic = f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}" if self.user else ""
        if not challenge.lower().startswith("bearer "):
            return basic
        asked = read_challenge(challenge)
        query = urlencode([(key, asked[key]) for key in ("service", "scope") if key in asked])
        headers = {"authorization": basic} if basic else {}
        url = f"{asked.get('realm', '')}?{query}"
        found = request_json("GET", url, headers)
        return f"Bearer {found.get('token') or found.get('access_token') or ''}"


def read_challenge(challenge: str) -> dict[str, str]:
    """Return the parameters of a challenge, such as `service` and `scope`."""
    return dict(_PARAMETER.findall(challenge))


def request_json(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> dict[str, Any]:
    """Return the object that a service answers; raises RegistryError without what it was sent."""
    with _open(method, url, headers, body) as answer:
        content = answer.read(_LARGEST_TOKEN)
    if answer.status != 200:
        status = answer.status if answer.status in _RETRYABLE else 401
        raise RegistryError(f"its login service {urlsplit(url).hostname} answered with status {answer.status}", status)
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RegistryError(f"its login service {urlsplit(url).hostname} answered with no JSON object", 502)
    return found


class RegistryClient:
    """Reads and writes one repository; requests that may succeed a moment later are sent again."""

    def __init__(
        self, name: ImageName, login: RegistryLogin | None = None, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self.name = name
        self._root = f"{name.origin}/v2/{name.repository}"
        self._login = login or PasswordLogin()
        self._wait = wait
        self._authorization = ""

    def read_manifest(self, reference: str = "") -> tuple[bytes, str, str]:
        """Return a manifest, its media type and its digest; raises RegistryError, also for other content."""

        def read() -> tuple[bytes, str, str]:
            with self._ask("GET", f"/manifests/{reference or self.name.reference}", {"accept": _MANIFEST_TYPES}) as it:
                content = it.read(_LARGEST_MANIFEST)
            return content, it.headers.get("content-type", "").partition(";")[0], compute_blob_digest(content)

        content, media_type, digest = self._try(read)
        if ":" in reference and digest != reference:
            raise RegistryError("it answered with another manifest than the one of this digest", 502)
        return content, media_type, digest

    def has_manifest(self, digest: str) -> bool:
        """Whether the repository has a manifest with this digest."""
        return self._try(lambda: self._has(f"/manifests/{digest}", {"accept": _MANIFEST_TYPES}))

    def has_blob(self, digest: str) -> bool:
        """Whether the repository has a blob with this digest."""
        return self._try(lambda: self._has(f"/blobs/{digest}", {}))

    def read_blob(self, digest: str, most: int) -> bytes:
        """Return a small blob; raises RegistryError, also for other content."""

        def read() -> bytes:
            with self.open_blob(digest) as body:
                return body.read(most + 1)

        content = self._try(read)
        if compute_blob_digest(content) != digest:
            raise RegistryError("it answered with another blob than the one of this digest", 502)
        return content

    @contextmanager
    def open_blob(self, digest: str) -> Iterator[IO[bytes]]:
        """Open a blob for reading."""
        with self._ask("GET", f"/blobs/{digest}") as answer:
            yield answer.body

    def upload_blob(self, digest: str, size: int, open_content: Callable[[], Any]) -> None:
        """Upload a blob in one piece, unless it is there; the registry compares it with its digest.

        `open_content` returns a context with the content as a stream, once for each try.
        """
        if self.has_blob(digest):
            return
        self._try(lambda: self._upload(digest, size, open_content))

    def put_manifest(self, content: bytes, media_type: str, reference: str) -> None:
        """Write a manifest under a tag or under its digest."""

        def put() -> None:
            with self._ask("PUT", f"/manifests/{reference}", {"content-type": media_type}, content):
                pass

        self._try(put)

    def _upload(self, digest: str, size: int, open_content: Callable[[], Any]) -> None:
        with self._ask("POST", "/blobs/uploads/", {"content-length": "0"}, b"") as begun:
            place = self._locate(begun)
        headers = {"content-type": "application/octet-stream", "content-length": str(size)}
        with open_content() as content, self._ask("PATCH", place, headers, content) as sent:
            place = self._locate(sent)
        separator = "&" if urlsplit(place).query else "?"
        end = f"{place}{separator}{urlencode({'digest': digest})}"
        with self._ask("PUT", end, {"content-length": "0"}, b""):
            pass

    def _locate(self, answer: RegistryAnswer) -> str:
        return urljoin(f"{self._root}/", answer.headers.get("location", ""))

    def _has(self, path: str, headers: Mapping[str, str]) -> bool:
        try:
            with self._ask("HEAD", path, headers):
                return True
        except RegistryError as error:
            if error.status == 404:
                return False
            raise

    @contextmanager
    def _ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Iterator[RegistryAnswer]:
        """Send a request; one that is challenged is sent once more, with what the login answers."""
        url = path if "://" in path else f"{self._root}{path}"
        is_own = urlsplit(url).netloc == urlsplit(self._root).netloc
        own = {**(headers or {}), **({"authorization": self._authorization} if self._authorization and is_own else {})}
        with _open(method, url, own, body) as answer:
            if answer.status != 401:
                _require_success(answer, method)
                yield answer
                return
            challenge = answer.headers.get("www-authenticate", "")
        self._authorization = self._login.authorize(challenge)
        if not self._authorization or not is_own:
            raise RegistryError("it asks for a login", 401)
        with _open(method, url, {**own, "authorization": self._authorization}, body) as answer:
            _require_success(answer, method)
            yield answer

    def _try(self, action: Callable[[], _Result]) -> _Result:
        for pause in (*_PAUSES_S, None):
            try:
                return action()
            except (RegistryError, OSError, http.client.HTTPException) as error:
                refusal = error if isinstance(error, RegistryError) else RegistryError(f"it broke off: {error}")
                if pause is None or not refusal.can_retry:
                    raise refusal from error
                self._wait(pause)
        raise AssertionError("the last try returns or raises")


def compute_blob_digest(content: bytes) -> str:
    """Return the digest of a content as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: the authorization is for the original host only."""

    def redirect_request(self, *_: Any) -> None:
        """Return None, which makes the redirect itself the response."""


_OPENER = urllib.request.build_opener(_NoRedirects)


@contextmanager
def _open(method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Iterator[RegistryAnswer]:
    """Yield the answer whatever its status; what is only read is followed to another host, without authorization."""
    for _ in range(_MOST_REDIRECTS + 1):
        response = _send(method, url, headers, body)
        found = {name.lower(): value for name, value in response.headers.items()}
        if method not in ("GET", "HEAD") or response.status not in _REDIRECTS:
            with response:
                yield RegistryAnswer(response.status, found, response)
            return
        response.close()
        target = urljoin(url, found.get("location", ""))
        if urlsplit(target).netloc != urlsplit(url).netloc:
            headers = {name: value for name, value in headers.items() if name != "authorization"}
        if urlsplit(target).scheme not in {"https", urlsplit(url).scheme}:
            raise RegistryError(f"it leads to {urlsplit(target).hostname} without TLS", 502)
        url = target
    raise RegistryError("it leads from one address to the next without end", 502)


def _send(method: str, url: str, headers: Mapping[str, str], body: Any) -> Any:
    if urlsplit(url).scheme not in ("http", "https"):
        raise RegistryError("it names no address at which it gives tokens, or takes uploads", 502)
    request = urllib.request.Request(url, body, {"user-agent": "semantest-iac", **headers}, method=method)  # noqa: S310 - http and https
    try:
        return _OPENER.open(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        return error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        is_absent = isinstance(reason, ConnectionRefusedError | socket.gaierror)
        raise RegistryError(f"it cannot be reached: {reason}", is_absent=is_absent) from error


def _require_success(answer: RegistryAnswer, method: str) -> None:
    if answer.status < 300:
        return
    text = "" if method == "HEAD" else answer.body.read(64 * 1024).decode(errors="replace")
    raise RegistryError(_find_reason(text) or f"status {answer.status}", answer.status)


def _find_reason(text: str) -> str:
    """Return the first message of an answer in the form of registries, without its detail."""
    try:
        first = json.loads(text)["errors"][0]
        return str(first.get("message") or first.get("code") or "")[:300]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return ""

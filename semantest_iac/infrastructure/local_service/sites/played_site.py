"""Answers as a static site that is deployed in a simulated cloud."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs, StoredBody
from semantest_iac.domain.networking.sites import INDEX_PAGE
from semantest_iac.infrastructure.local_service.gateway.answer_cache import AnswerCache
from semantest_iac.infrastructure.local_service.sites.rules import ServedFile, SiteRules

LARGEST_REPLACED: Final = 4 * 1024 * 1024
_METHODS: Final = ("GET", "HEAD")
_NOT_KEPT: Final = ("no-cache", "no-store", "private")
_SHARED_AGE, _AGE = (re.compile(rf"(?:^|[\s,]){name}=(\d+)") for name in ("s-maxage", "max-age"))


@dataclass(frozen=True, slots=True)
class _Found:
    """What answers a path."""

    name: str
    file: ServedFile
    status: int = 200


class PlayedSite:
    """One site; a deployment that changes it empties what is kept.

    `addresses` are texts of the site's file of variables and of its headers in place of which others stand on this
    machine, such as the address of the gateway in the cloud.
    """

    def __init__(self, rules: SiteRules, variables_file: str, cache: AnswerCache | None = None) -> None:
        self._rules = rules
        self._variables_file = variables_file
        self._cache = cache or AnswerCache()

    @property
    def rules(self) -> SiteRules:
        """The rules that hold now."""
        return self._rules

    def switch_to(self, rules: SiteRules) -> None:
        """Answer with other rules from the next request on."""
        if rules != self._rules:
            self._cache.purge()
            self._rules = rules

    async def answer(self, request: HttpRequest, addresses: Mapping[str, str] | None = None) -> HttpResponse:
        """Answer one request."""
        rules = self._rules
        if request.method not in _METHODS:
            return rules.refused_method
        found = _find_file(rules, request.path)
        if found is None:
            return _add_headers(rules, rules.missing, addresses or {})
        response = await asyncio.to_thread(self._load, found, addresses or {})
        return self._deliver(request, found, response, addresses or {})

    def _load(self, found: _Found, addresses: Mapping[str, str]) -> HttpResponse:
        content = found.file.content
        if found.name == self._variables_file:
            data = content if isinstance(content, bytes) else content.read_bytes()
            return HttpResponse(found.status, _headers_of(found.file, data), _replace_all(data, addresses))
        if isinstance(content, Path) and (size := content.stat().st_size) > LARGEST_REPLACED:
            headers = _headers_of(found.file, f"{content} {size} {content.stat().st_mtime_ns}".encode())
            return HttpResponse(found.status, headers, stored_body=StoredBody(str(content), size))
        data = content if isinstance(content, bytes) else content.read_bytes()
        return HttpResponse(found.status, _headers_of(found.file, data), data)

    def _deliver(
        self, request: HttpRequest, found: _Found, response: HttpResponse, addresses: Mapping[str, str]
    ) -> HttpResponse:
        kept = tuple(self._count_age(found, response))
        answer = _add_headers(self._rules, replace(response, headers=(*response.headers, *kept)), addresses)
        tag = next(value for name, value in response.headers if name == "etag")
        if found.status == 200 and _matches(request.header("if-none-match"), tag):
            others = tuple(pair for pair in answer.headers if pair[0] not in ("content-length", "content-type"))
            return HttpResponse(304, others)
        return replace(answer, body=b"", stored_body=None) if request.method == "HEAD" else answer

    def _count_age(self, found: _Found, response: HttpResponse) -> Iterator[tuple[str, str]]:
        """Yield the headers of the delivery network: whether it had the file, and for how many seconds."""
        network = self._rules.cache
        if network is None:
            return
        cached = self._cache.find(found.name)
        if cached is not None:
            yield "age", str(math.floor(self._cache.clock() - cached.made_at))
            yield network.header, network.hit
            return
        if seconds := find_lifetime_s(response.headers):
            self._cache.keep(found.name, HttpResponse(200), seconds)
        yield network.header, network.miss


def find_lifetime_s(headers: Pairs) -> int:
    """Return for how many seconds a network keeps an answer, by its own header."""
    text = next((value.lower() for name, value in headers if name.lower() == "cache-control"), "")
    if any(word in text for word in _NOT_KEPT):
        return 0
    match = _SHARED_AGE.search(text) or _AGE.search(text)
    return int(match[1]) if match else 0


def _find_file(rules: SiteRules, path: str) -> _Found | None:
    name = unquote(path).removeprefix("/")
    if not name or (rules.has_folder_pages and name.endswith("/")):
        name += INDEX_PAGE
    if file := rules.files.get(name):
        return _Found(name, file)
    fallback, status = (INDEX_PAGE, 200) if rules.single_page else (rules.error_page, 404)
    file = rules.files.get(fallback) if fallback else None
    return _Found(fallback, file, status) if file else None


def _headers_of(file: ServedFile, data: bytes) -> Pairs:
    return (*file.headers, ("etag", f'"{hashlib.sha256(data).hexdigest()[:32]}"'))


def _add_headers(rules: SiteRules, response: HttpResponse, addresses: Mapping[str, str]) -> HttpResponse:
    headers = rules.headers.apply(response.headers)
    return replace(response, headers=tuple((name, _replace_text(value, addresses)) for name, value in headers))


def _replace_all(data: bytes, addresses: Mapping[str, str]) -> bytes:
    return _replace_text(data.decode(errors="surrogateescape"), addresses).encode(errors="surrogateescape")


def _replace_text(text: str, addresses: Mapping[str, str]) -> str:
    for cloud, local in addresses.items():
        text = text.replace(cloud, local)
    return text


def _matches(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in header.split(","))

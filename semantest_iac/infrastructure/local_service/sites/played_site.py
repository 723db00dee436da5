"""Answers as a static site that is deployed in a simulated cloud."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs, StoredBody
from semantest_iac.domain.networking.sites import INDEX_PAGE
from semantest_iac.infrastructure.local_service.gateway.answer_cache import AnswerCache
from semantest_iac.infrastructure.local_service.sites.rules import ServedFile, SiteRules

LARGEST_REPLACED: Final = 4 * 1024 * 1024
_METHODS: Final = ("GET", "HEAD")
_OF_BODIES: Final = ("content-length", "content-type")
_NOT_KEPT: Final = ("no-cache", "no-store", "private")
_SHARED_AGE, _AGE = (re.compile(rf"(?:^|[\s,]){name}=(\d+)") for name in ("s-maxage", "max-age"))


class PlayedSite:
    """One site. What its delivery network keeps outlives a deployment, as nothing is purged in the cloud.

    `addresses` are texts of the site's file of variables and of its headers in place of which others stand on this
    machine, such as the address of the gateway in the cloud.
    """

    def __init__(self, rules: SiteRules, variables_file: str, cache: AnswerCache | None = None) -> None:
        self.rules = rules
        self._variables_file = variables_file
        self._cache = cache or AnswerCache()

    async def answer(self, request: HttpRequest, addresses: Mapping[str, str] | None = None) -> HttpResponse:
        """Answer one request."""
        rules, local = self.rules, addresses or {}
        if request.method not in _METHODS:
            return rules.refused_method
        name = _find_name(rules, request.path)
        if rules.cache and (cached := self._cache.find(name)):
            age = math.floor(self._cache.clock() - cached.made_at)
            return _finish(
                rules, request, cached.response, (("age", str(age)), (rules.cache.name, rules.cache.hit)), local
            )
        found = _find_file(rules, name)
        if found is None:
            return _finish(rules, request, rules.missing, (), local)
        response = await asyncio.to_thread(self._load, *found, local)
        if rules.cache is None:
            return _finish(rules, request, response, (), local)
        if response.status == 200 and (seconds := find_cache_lifetime_s(response.headers)):
            self._cache.keep(name, response, seconds)
        return _finish(rules, request, response, ((rules.cache.name, rules.cache.miss),), local)

    def _load(self, name: str, status: int, addresses: Mapping[str, str]) -> HttpResponse:
        file = self.rules.files[name]
        content = file.content
        if isinstance(content, Path) and (size := content.stat().st_size) > LARGEST_REPLACED:
            headers = _headers_of(file, f"{content} {size} {content.stat().st_mtime_ns}".encode())
            return HttpResponse(status, headers, stored_body=StoredBody(str(content), size))
        data = content if isinstance(content, bytes) else content.read_bytes()
        body = _replace_all(data, addresses) if name == self._variables_file else data
        return HttpResponse(status, _headers_of(file, body), body)


def _finish(
    rules: SiteRules, request: HttpRequest, response: HttpResponse, added: Pairs, addresses: Mapping[str, str]
) -> HttpResponse:
    """Return an answer with the headers of the site, without its body where the client has it or asked for none."""
    headers = rules.headers.apply((*response.headers, *added))
    answer = replace(response, headers=tuple((name, _replace_text(value, addresses)) for name, value in headers))
    tag = next((value for name, value in response.headers if name == "etag"), "")
    if response.status == 200 and _matches(request.header("if-none-match"), tag):
        return HttpResponse(304, tuple(pair for pair in answer.headers if pair[0] not in _OF_BODIES))
    return replace(answer, body=b"", stored_body=None) if request.method == "HEAD" else answer


def find_cache_lifetime_s(headers: Pairs) -> int:
    """Return for how many seconds a network keeps an answer, by its own header."""
    text = next((value.lower() for name, value in headers if name.lower() == "cache-control"), "")
    if any(word in text for word in _NOT_KEPT):
        return 0
    match = _SHARED_AGE.search(text) or _AGE.search(text)
    return int(match[1]) if match else 0


def _find_name(rules: SiteRules, path: str) -> str:
    name = unquote(path).removeprefix("/")
    return f"{name}{INDEX_PAGE}" if not name or (rules.has_folder_pages and name.endswith("/")) else name


def _find_file(rules: SiteRules, name: str) -> tuple[str, int] | None:
    """Return the name of the file that answers, and the status."""
    if name in rules.files:
        return name, 200
    fallback, status = (INDEX_PAGE, 200) if rules.single_page else (rules.error_page, 404)
    return (fallback, status) if fallback in rules.files else None


def _headers_of(file: ServedFile, data: bytes) -> Pairs:
    return (*file.headers, ("etag", f'"{hashlib.sha256(data).hexdigest()[:32]}"'))


def _replace_all(data: bytes, addresses: Mapping[str, str]) -> bytes:
    return _replace_text(data.decode(errors="surrogateescape"), addresses).encode(errors="surrogateescape")


def _replace_text(text: str, addresses: Mapping[str, str]) -> str:
    for cloud, local in addresses.items():
        text = text.replace(cloud, local)
    return text


def _matches(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in header.split(","))

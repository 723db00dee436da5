"""The entities of one table of Azure Storage in memory, behind the part of its REST protocol that functions use.

Source: Microsoft's reference of the Table service: statuses, tags, pages of a thousand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import Call

PAGE = 1000
OK, NO_CONTENT = 200, 204
BAD, NOT_FOUND, NOT_ALLOWED, CONFLICT, CHANGED = 400, 404, 405, 409, 412
_ONE = re.compile(r"\(PartitionKey='((?:[^']|'')*)',RowKey='((?:[^']|'')*)'\)")
_PARTITION = re.compile(r"PartitionKey eq '((?:[^']|'')*)'")
_KEYS = ("PartitionKey", "RowKey")
_JSON = (("content-type", "application/json;odata=nometadata"),)

Key = tuple[str, str]
Entity = dict[str, Any]


class TableEntities:
    """One table; what is between two calls of a client is for it to see by the tags of entities."""

    def __init__(self) -> None:
        self._entities: dict[Key, Entity] = {}
        self._tags: dict[Key, str] = {}
        self._states = count(1)

    def answer(self, call: Call, path: str) -> HttpResponse:
        """One request, by the part of its path behind the name of the table."""
        place = urlsplit(path)
        one = _ONE.fullmatch(unquote(place.path))
        if one:
            key: Key = (_unquoted(one.group(1)), _unquoted(one.group(2)))
            return _METHODS.get(call.method, _not_allowed)(self, call, key)
        if call.method == "POST" and not place.path:
            return self._insert(call)
        if call.method == "GET" and place.path in ("", "()"):
            return self._query(parse_qs(place.query))
        return _refused(BAD, "InvalidUri")

    def _insert(self, call: Call) -> HttpResponse:
        entity = json.loads(call.body)
        key = (entity["PartitionKey"], entity["RowKey"])
        if key in self._entities:
            return _refused(CONFLICT, "EntityAlreadyExists")
        return self._keep(key, entity)

    def _query(self, query: Mapping[str, list[str]]) -> HttpResponse:
        """A partition or everything, in the order of the keys; a page says where the next one begins."""
        asked = _PARTITION.fullmatch(query.get("$filter", [""])[0])
        if asked is None and "$filter" in query:
            return _refused(NOT_ALLOWED, "NotImplemented")
        start = tuple(query.get(f"Next{name}", [""])[0] for name in _KEYS)
        wanted = _unquoted(asked.group(1)) if asked else None
        keys = sorted(key for key in self._entities if wanted in (None, key[0]) and key >= start)
        more = keys[PAGE : PAGE + 1]
        pages = tuple(
            (f"x-ms-continuation-Next{name}", quote(part, safe=""))
            for key in more
            for name, part in zip(_KEYS, key, strict=True)
        )
        body = {"value": [self._entities[key] for key in keys[:PAGE]]}
        return HttpResponse(OK, (*_JSON, *pages), json.dumps(body).encode())

    def _get(self, call: Call, key: Key) -> HttpResponse:
        if key not in self._entities:
            return _refused(NOT_FOUND, "ResourceNotFound")
        return HttpResponse(OK, (*_JSON, ("etag", self._tags[key])), json.dumps(self._entities[key]).encode())

    def _merge(self, call: Call, key: Key) -> HttpResponse:
        old = self._entities.get(key, {})
        return self._refusal(call, key) or self._keep(key, old | json.loads(call.body))

    def _put(self, call: Call, key: Key) -> HttpResponse:
        return self._refusal(call, key) or self._keep(key, json.loads(call.body))

    def _delete(self, call: Call, key: Key) -> HttpResponse:
        if "if-match" not in call.headers:
            return _refused(BAD, "MissingRequiredHeader")
        refusal = self._refusal(call, key)
        if refusal is None:
            del self._entities[key], self._tags[key]
        return refusal or HttpResponse(NO_CONTENT)

    def _refusal(self, call: Call, key: Key) -> HttpResponse | None:
        """Without a tag an entity is written whether it is there or not."""
        tag = call.headers.get("if-match")
        if tag is None:
            return None
        if key not in self._entities:
            return _refused(NOT_FOUND, "ResourceNotFound")
        return None if tag in ("*", self._tags[key]) else _refused(CHANGED, "UpdateConditionNotSatisfied")

    def _keep(self, key: Key, entity: Entity) -> HttpResponse:
        self._entities[key] = entity | dict(zip(_KEYS, key, strict=True))
        self._tags[key] = f"W/\"state'{next(self._states)}'\""
        return HttpResponse(NO_CONTENT, (("etag", self._tags[key]),))


def _not_allowed(table: TableEntities, call: Call, key: Key) -> HttpResponse:
    return _refused(NOT_ALLOWED, "UnsupportedHttpVerb")


_METHODS: Mapping[str, Callable[[TableEntities, Call, Key], HttpResponse]] = {
    "DELETE": TableEntities._delete,
    "GET": TableEntities._get,
    "MERGE": TableEntities._merge,
    "PATCH": TableEntities._merge,
    "PUT": TableEntities._put,
}


def _unquoted(text: str) -> str:
    return text.replace("''", "'")


def _refused(status: int, code: str) -> HttpResponse:
    told = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": code}}}
    return HttpResponse(status, (*_JSON, ("x-ms-error-code", code)), json.dumps(told).encode())

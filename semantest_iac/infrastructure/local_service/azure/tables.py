"""Tables of Azure Storage in memory, behind the part of their REST protocol that functions use.

Source: Microsoft's reference of the Table service: statuses, entity tags, pages of a thousand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest

PAGE_SIZE = 1000
_OK, _NO_CONTENT = 200, 204
_BAD_REQUEST, _NOT_FOUND, _METHOD_NOT_ALLOWED, _CONFLICT, _PRECONDITION_FAILED = 400, 404, 405, 409, 412
_ENTITY_PATH = re.compile(r"\(PartitionKey='((?:[^']|'')*)',RowKey='((?:[^']|'')*)'\)")
_PARTITION_FILTER = re.compile(r"PartitionKey eq '((?:[^']|'')*)'")
_KEY_PROPERTIES = ("PartitionKey", "RowKey")
_JSON = (("content-type", "application/json;odata=nometadata"),)

EntityKey = tuple[str, str]
Entity = dict[str, Any]


class StorageTable:
    """One table; what is between two calls of a client is for it to see by the tags of entities."""

    def __init__(self) -> None:
        self._entities: dict[EntityKey, Entity] = {}
        self._tags: dict[EntityKey, str] = {}
        self._states = count(1)

    def answer(self, call: LoopbackRequest, path: str) -> HttpResponse:
        """One request, by the part of its path behind the name of the table."""
        place = urlsplit(path)
        one = _ENTITY_PATH.fullmatch(unquote(place.path))
        if one:
            key: EntityKey = (_unescape_quotes(one.group(1)), _unescape_quotes(one.group(2)))
            return _METHODS.get(call.method, _refuse_method)(self, call, key)
        if call.method == "POST" and not place.path:
            return self._insert(call)
        if call.method == "GET" and place.path in ("", "()"):
            return self._query(parse_qs(place.query))
        return _error_response(_BAD_REQUEST, "InvalidUri")

    def _insert(self, call: LoopbackRequest) -> HttpResponse:
        entity = json.loads(call.body)
        key = (entity["PartitionKey"], entity["RowKey"])
        if key in self._entities:
            return _error_response(_CONFLICT, "EntityAlreadyExists")
        return self._keep(key, entity)

    def _query(self, query: Mapping[str, list[str]]) -> HttpResponse:
        """A partition or everything, in the order of the keys; a page says where the next one begins."""
        asked = _PARTITION_FILTER.fullmatch(query.get("$filter", [""])[0])
        if asked is None and "$filter" in query:
            return _error_response(_METHOD_NOT_ALLOWED, "NotImplemented")
        start = tuple(query.get(f"Next{name}", [""])[0] for name in _KEY_PROPERTIES)
        wanted = _unescape_quotes(asked.group(1)) if asked else None
        keys = sorted(key for key in self._entities if wanted in (None, key[0]) and key >= start)
        more = keys[PAGE_SIZE : PAGE_SIZE + 1]
        pages = tuple(
            (f"x-ms-continuation-Next{name}", quote(part, safe=""))
            for key in more
            for name, part in zip(_KEY_PROPERTIES, key, strict=True)
        )
        body = {"value": [self._entities[key] for key in keys[:PAGE_SIZE]]}
        return HttpResponse(_OK, (*_JSON, *pages), json.dumps(body).encode())

    def _get(self, call: LoopbackRequest, key: EntityKey) -> HttpResponse:
        if key not in self._entities:
            return _error_response(_NOT_FOUND, "ResourceNotFound")
        return HttpResponse(_OK, (*_JSON, ("etag", self._tags[key])), json.dumps(self._entities[key]).encode())

    def _merge(self, call: LoopbackRequest, key: EntityKey) -> HttpResponse:
        old = self._entities.get(key, {})
        return self._refusal(call, key) or self._keep(key, old | json.loads(call.body))

    def _put(self, call: LoopbackRequest, key: EntityKey) -> HttpResponse:
        return self._refusal(call, key) or self._keep(key, json.loads(call.body))

    def _delete(self, call: LoopbackRequest, key: EntityKey) -> HttpResponse:
        if "if-match" not in call.headers:
            return _error_response(_BAD_REQUEST, "MissingRequiredHeader")
        refusal = self._refusal(call, key)
        if refusal is None:
            del self._entities[key], self._tags[key]
        return refusal or HttpResponse(_NO_CONTENT)

    def _refusal(self, call: LoopbackRequest, key: EntityKey) -> HttpResponse | None:
        """Without a tag an entity is written whether it is there or not."""
        tag = call.headers.get("if-match")
        if tag is None:
            return None
        if key not in self._entities:
            return _error_response(_NOT_FOUND, "ResourceNotFound")
        return (
            None
            if tag in ("*", self._tags[key])
            else _error_response(_PRECONDITION_FAILED, "UpdateConditionNotSatisfied")
        )

    def _keep(self, key: EntityKey, entity: Entity) -> HttpResponse:
        self._entities[key] = entity | dict(zip(_KEY_PROPERTIES, key, strict=True))
        self._tags[key] = f"W/\"state'{next(self._states)}'\""
        return HttpResponse(_NO_CONTENT, (("etag", self._tags[key]),))


def _refuse_method(table: StorageTable, call: LoopbackRequest, key: EntityKey) -> HttpResponse:
    return _error_response(_METHOD_NOT_ALLOWED, "UnsupportedHttpVerb")


_METHODS: Mapping[str, Callable[[StorageTable, LoopbackRequest, EntityKey], HttpResponse]] = {
    "DELETE": StorageTable._delete,
    "GET": StorageTable._get,
    "MERGE": StorageTable._merge,
    "PATCH": StorageTable._merge,
    "PUT": StorageTable._put,
}


def _unescape_quotes(text: str) -> str:
    return text.replace("''", "'")


def _error_response(status: int, code: str) -> HttpResponse:
    told = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": code}}}
    return HttpResponse(status, (*_JSON, ("x-ms-error-code", code)), json.dumps(told).encode())

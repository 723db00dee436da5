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
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackHandler, LoopbackRequest

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
    """The entities of one table; entity tags show a client what changed between its calls."""

    def __init__(self) -> None:
        self._entities: dict[EntityKey, Entity] = {}
        self._tags: dict[EntityKey, str] = {}
        self._versions = count(1)

    def answer(self, request: LoopbackRequest, subpath: str) -> HttpResponse:
        """Answer a request; `subpath` is what follows the name of the table."""
        url = urlsplit(subpath)
        entity = _ENTITY_PATH.fullmatch(unquote(url.path))
        if entity:
            key: EntityKey = (_unescape_quotes(entity.group(1)), _unescape_quotes(entity.group(2)))
            return _METHODS.get(request.method, _refuse_method)(self, request, key)
        if request.method == "POST" and not url.path:
            return self._insert(request)
        if request.method == "GET" and url.path in ("", "()"):
            return self._query(parse_qs(url.query))
        return _error_response(_BAD_REQUEST, "InvalidUri")

    def _insert(self, request: LoopbackRequest) -> HttpResponse:
        entity = json.loads(request.body)
        key = (entity["PartitionKey"], entity["RowKey"])
        if key in self._entities:
            return _error_response(_CONFLICT, "EntityAlreadyExists")
        return self._store(key, entity)

    def _query(self, query: Mapping[str, list[str]]) -> HttpResponse:
        """Query a partition or the table, in the order of keys; headers say where the next page begins."""
        partition_filter = _PARTITION_FILTER.fullmatch(query.get("$filter", [""])[0])
        if partition_filter is None and "$filter" in query:
            return _error_response(_METHOD_NOT_ALLOWED, "NotImplemented")
        start = tuple(query.get(f"Next{name}", [""])[0] for name in _KEY_PROPERTIES)
        partition = _unescape_quotes(partition_filter.group(1)) if partition_filter else None
        keys = sorted(key for key in self._entities if partition in (None, key[0]) and key >= start)
        next_keys = keys[PAGE_SIZE : PAGE_SIZE + 1]
        continuation = tuple(
            (f"x-ms-continuation-Next{name}", quote(part, safe=""))
            for key in next_keys
            for name, part in zip(_KEY_PROPERTIES, key, strict=True)
        )
        body = {"value": [self._entities[key] for key in keys[:PAGE_SIZE]]}
        return HttpResponse(_OK, (*_JSON, *continuation), json.dumps(body).encode())

    def _get(self, request: LoopbackRequest, key: EntityKey) -> HttpResponse:
        if key not in self._entities:
            return _error_response(_NOT_FOUND, "ResourceNotFound")
        return HttpResponse(_OK, (*_JSON, ("etag", self._tags[key])), json.dumps(self._entities[key]).encode())

    def _merge(self, request: LoopbackRequest, key: EntityKey) -> HttpResponse:
        old = self._entities.get(key, {})
        return self._check_tag(request, key) or self._store(key, old | json.loads(request.body))

    def _put(self, request: LoopbackRequest, key: EntityKey) -> HttpResponse:
        return self._check_tag(request, key) or self._store(key, json.loads(request.body))

    def _delete(self, request: LoopbackRequest, key: EntityKey) -> HttpResponse:
        if "if-match" not in request.headers:
            return _error_response(_BAD_REQUEST, "MissingRequiredHeader")
        refusal = self._check_tag(request, key)
        if refusal is None:
            del self._entities[key], self._tags[key]
        return refusal or HttpResponse(_NO_CONTENT)

    def _check_tag(self, request: LoopbackRequest, key: EntityKey) -> HttpResponse | None:
        """Refuse a write whose tag does not match; without a tag every write is accepted."""
        tag = request.headers.get("if-match")
        if tag is None:
            return None
        if key not in self._entities:
            return _error_response(_NOT_FOUND, "ResourceNotFound")
        if tag not in ("*", self._tags[key]):
            return _error_response(_PRECONDITION_FAILED, "UpdateConditionNotSatisfied")
        return None

    def _store(self, key: EntityKey, entity: Entity) -> HttpResponse:
        self._entities[key] = entity | dict(zip(_KEY_PROPERTIES, key, strict=True))
        self._tags[key] = f"W/\"state'{next(self._versions)}'\""
        return HttpResponse(_NO_CONTENT, (("etag", self._tags[key]),))


def _refuse_method(table: StorageTable, request: LoopbackRequest, key: EntityKey) -> HttpResponse:
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
    body = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": code}}}
    return HttpResponse(status, (*_JSON, ("x-ms-error-code", code)), json.dumps(body).encode())


def create_tables_handler(tables: Mapping[str, StorageTable]) -> LoopbackHandler:
    """Return a handler that answers as the Table service of an account, by table name."""

    async def answer(request: LoopbackRequest) -> HttpResponse:
        name, parenthesis, rest = request.path.removeprefix("/").partition("(")
        table = tables.get(name.partition("?")[0])
        return table.answer(request, parenthesis + rest) if table else HttpResponse(_NOT_FOUND)

    return answer

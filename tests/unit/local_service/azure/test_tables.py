"""The entities of a table by the protocol of Azure's Table service."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.azure.tables import PAGE_SIZE, StorageTable


@pytest.fixture
def table() -> StorageTable:
    return StorageTable()


def entity_path(row: str, partition: str = "p") -> str:
    return quote(f"(PartitionKey='{partition}',RowKey='{row}')")


def send(
    table: StorageTable, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> HttpResponse:
    request = LoopbackRequest(method, path, headers or {}, json.dumps(body).encode())
    return table.answer(request, path)


def insert(table: StorageTable, row: str, **values: Any) -> HttpResponse:
    return send(table, "POST", "", {"PartitionKey": "p", "RowKey": row, **values})


def if_match(answer: HttpResponse) -> dict[str, str]:
    return {"if-match": dict(answer.headers)["etag"]}


class TestInsert:
    def test_refuses_an_existing_entity(self, table: StorageTable) -> None:
        assert [insert(table, "a").status for _ in range(2)] == [204, 409]


class TestGet:
    def test_returns_the_entity_and_its_tag(self, table: StorageTable) -> None:
        created = insert(table, "it's", value=1)

        entity = send(table, "GET", entity_path("it''s"))
        assert json.loads(entity.body) == {"PartitionKey": "p", "RowKey": "it's", "value": 1}
        assert if_match(entity) == if_match(created)

    def test_finds_no_other_entity(self, table: StorageTable) -> None:
        assert send(table, "GET", entity_path("a")).status == 404


class TestWriting:
    @pytest.mark.parametrize("method", ["PATCH", "MERGE", "PUT"])
    def test_needs_the_current_tag(self, table: StorageTable, method: str) -> None:
        seen = if_match(insert(table, "a"))

        statuses = [send(table, method, entity_path("a"), {"value": 1}, seen).status for _ in range(2)]
        assert statuses == [204, 412]

    @pytest.mark.parametrize(("method", "left"), [("PATCH", {"old", "new"}), ("PUT", {"new"})])
    def test_adds_or_replaces(self, table: StorageTable, method: str, left: set[str]) -> None:
        insert(table, "a", old=1)

        send(table, method, entity_path("a"), {"new": 2}, {"if-match": "*"})
        assert json.loads(send(table, "GET", entity_path("a")).body).keys() == {"PartitionKey", "RowKey", *left}

    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    def test_creates_a_missing_entity_only_without_a_tag(self, table: StorageTable, method: str) -> None:
        assert send(table, method, entity_path("a"), {}, {"if-match": "*"}).status == 404
        assert send(table, method, entity_path("a"), {}).status == 204


class TestDelete:
    def test_needs_a_tag(self, table: StorageTable) -> None:
        insert(table, "a")

        statuses = [send(table, "DELETE", entity_path("a"), headers=it).status for it in ({}, *[{"if-match": "*"}] * 2)]
        assert statuses == [400, 204, 404]


class TestQuery:
    def test_returns_a_partition_in_pages(self, table: StorageTable) -> None:
        for number in range(PAGE_SIZE + 1):
            insert(table, f"{number:04}")
        send(table, "POST", "", {"PartitionKey": "q", "RowKey": "other"})
        wanted = "()?$filter=" + quote("PartitionKey eq 'p'")

        first = send(table, "GET", wanted)
        more = {name.removeprefix("x-ms-continuation-"): value for name, value in first.headers if "continu" in name}
        second = send(table, "GET", wanted + "".join(f"&{name}={value}" for name, value in more.items()))
        assert [len(json.loads(page.body)["value"]) for page in (first, second)] == [PAGE_SIZE, 1]
        assert not any("continu" in name for name, _ in second.headers)

    def test_refuses_other_filters(self, table: StorageTable) -> None:
        assert send(table, "GET", f"()?$filter={quote('value eq 1')}").status == 405

"""Entities of a table by the protocol of Azure's Table service."""

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


def place(row: str, partition: str = "p") -> str:
    return quote(f"(PartitionKey='{partition}',RowKey='{row}')")


def asked(
    table: StorageTable, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> HttpResponse:
    call = LoopbackRequest(method, path, headers or {}, json.dumps(body).encode())
    return table.answer(call, path)


def inserted(table: StorageTable, row: str, **values: Any) -> HttpResponse:
    return asked(table, "POST", "", {"PartitionKey": "p", "RowKey": row, **values})


def tag(answer: HttpResponse) -> dict[str, str]:
    return {"if-match": dict(answer.headers)["etag"]}


class TestInsert:
    def test_refuses_what_is_there(self, table: StorageTable) -> None:
        assert [inserted(table, "a").status for _ in range(2)] == [204, 409]


class TestGet:
    def test_tells_the_entity_and_its_tag(self, table: StorageTable) -> None:
        made = inserted(table, "it's", value=1)

        found = asked(table, "GET", place("it''s"))
        assert json.loads(found.body) == {"PartitionKey": "p", "RowKey": "it's", "value": 1}
        assert tag(found) == tag(made)

    def test_knows_nothing_of_others(self, table: StorageTable) -> None:
        assert asked(table, "GET", place("a")).status == 404


class TestWriting:
    @pytest.mark.parametrize("method", ["PATCH", "MERGE", "PUT"])
    def test_needs_the_state_that_was_seen(self, table: StorageTable, method: str) -> None:
        seen = tag(inserted(table, "a"))

        statuses = [asked(table, method, place("a"), {"value": 1}, seen).status for _ in range(2)]
        assert statuses == [204, 412]

    @pytest.mark.parametrize(("method", "left"), [("PATCH", {"old", "new"}), ("PUT", {"new"})])
    def test_adds_or_replaces(self, table: StorageTable, method: str, left: set[str]) -> None:
        inserted(table, "a", old=1)

        asked(table, method, place("a"), {"new": 2}, {"if-match": "*"})
        assert json.loads(asked(table, "GET", place("a")).body).keys() == {"PartitionKey", "RowKey", *left}

    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    def test_makes_what_is_not_there_without_a_tag_alone(self, table: StorageTable, method: str) -> None:
        assert asked(table, method, place("a"), {}, {"if-match": "*"}).status == 404
        assert asked(table, method, place("a"), {}).status == 204


class TestDelete:
    def test_needs_a_tag(self, table: StorageTable) -> None:
        inserted(table, "a")

        statuses = [asked(table, "DELETE", place("a"), headers=it).status for it in ({}, *[{"if-match": "*"}] * 2)]
        assert statuses == [400, 204, 404]


class TestQuery:
    def test_gives_a_partition_in_pages(self, table: StorageTable) -> None:
        for number in range(PAGE_SIZE + 1):
            inserted(table, f"{number:04}")
        asked(table, "POST", "", {"PartitionKey": "q", "RowKey": "other"})
        wanted = "()?$filter=" + quote("PartitionKey eq 'p'")

        first = asked(table, "GET", wanted)
        more = {name.removeprefix("x-ms-continuation-"): value for name, value in first.headers if "continu" in name}
        second = asked(table, "GET", wanted + "".join(f"&{name}={value}" for name, value in more.items()))
        assert [len(json.loads(page.body)["value"]) for page in (first, second)] == [PAGE_SIZE, 1]
        assert not any("continu" in name for name, _ in second.headers)

    def test_by_anything_else_is_refused(self, table: StorageTable) -> None:
        assert asked(table, "GET", f"()?$filter={quote('value eq 1')}").status == 405

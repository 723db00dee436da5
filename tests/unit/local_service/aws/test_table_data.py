"""What is in a table, by DynamoDB's own words."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.aws.tables import DynamoDbError, DynamoDbTable, TableSchema

FIRST = {"ConditionExpression": "attribute_not_exists(id)"}
SCHEMA = TableSchema("id", {"by-kind": "kind"}, "ends")


class Clock:
    """A time that stands still."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(clock: Clock) -> DynamoDbTable:
    return DynamoDbTable(SCHEMA, clock)


def text(value: str) -> dict[str, str]:
    return {"S": value}


def put(table: DynamoDbTable, id: str, /, **more: Any) -> dict[str, Any]:
    arguments = {name: more.pop(name) for name in list(more) if name[0].isupper()}
    return table.call("PutItem", {"Item": {"id": text(id), **more}, **arguments})


def get(table: DynamoDbTable, id: str) -> Any:
    return table.call("GetItem", {"Key": {"id": text(id)}}).get("Item")


def of_kind(table: DynamoDbTable, kind: str, **more: Any) -> Any:
    asked = {
        "IndexName": "by-kind",
        "KeyConditionExpression": "kind = :k",
        "ExpressionAttributeValues": {":k": text(kind)},
    }
    return table.call("Query", {**asked, **more})


def ids(answer: Any) -> list[str]:
    return [item["id"]["S"] for item in answer["Items"]]


class TestItems:
    def test_are_there_until_they_are_deleted(self, table: DynamoDbTable) -> None:
        put(table, "a", kind=text("x"))

        assert get(table, "a") == {"id": text("a"), "kind": text("x")}
        table.call("DeleteItem", {"Key": {"id": text("a")}})
        assert get(table, "a") is None

    def test_are_put_as_a_whole_and_updated_in_part(self, table: DynamoDbTable) -> None:
        put(table, "a", old=text("o"), kept=text("k"))
        put(table, "a", kept=text("k"))
        changes = {"UpdateExpression": "SET added = :v", "ExpressionAttributeValues": {":v": text("n")}}

        table.call("UpdateItem", {"Key": {"id": text("a")}, **changes})
        assert get(table, "a") == {"id": text("a"), "kept": text("k"), "added": text("n")}

    def test_begin_with_an_update_too(self, table: DynamoDbTable) -> None:
        changes = {"UpdateExpression": "SET kind = :v", "ExpressionAttributeValues": {":v": text("x")}}

        answer = table.call("UpdateItem", {"Key": {"id": text("a")}, **changes, "ReturnValues": "ALL_NEW"})
        assert (answer["Attributes"]["kind"], ids(of_kind(table, "x"))) == (text("x"), ["a"])

    def test_are_gone_when_their_time_is_over(self, table: DynamoDbTable, clock: Clock) -> None:
        put(table, "a", kind=text("x"), ends={"N": "1000"})
        assert get(table, "a")

        clock.now = 1000.5
        assert (get(table, "a"), ids(of_kind(table, "x"))) == (None, [])


class TestConditions:
    def test_let_the_first_win(self, table: DynamoDbTable) -> None:
        put(table, "a", who=text("first"), **FIRST)

        with pytest.raises(DynamoDbError) as caught:
            put(table, "a", who=text("second"), **FIRST, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        assert caught.value.code == "ConditionalCheckFailedException"
        assert caught.value.details["Item"]["who"] == text("first")

    @pytest.mark.parametrize("operation", ["DeleteItem", "UpdateItem"])
    def test_stop_every_write(self, table: DynamoDbTable, operation: str) -> None:
        changes = {"UpdateExpression": "SET a = id"} if operation == "UpdateItem" else {}
        arguments = {"Key": {"id": text("a")}, "ConditionExpression": "attribute_exists(id)", **changes}

        with pytest.raises(DynamoDbError, match="conditional request failed"):
            table.call(operation, arguments)
        assert get(table, "a") is None


class TestQuery:
    def test_finds_what_the_index_holds_now(self, table: DynamoDbTable) -> None:
        for id, kind in (("b", "x"), ("a", "x"), ("c", "y"), ("d", "x")):
            put(table, id, kind=text(kind))
        put(table, "d", kind=text("y"))

        assert (ids(of_kind(table, "x")), ids(of_kind(table, "y"))) == (["a", "b"], ["c", "d"])

    def test_leaves_out_what_lacks_the_key(self, table: DynamoDbTable) -> None:
        put(table, "a")

        assert of_kind(table, "x")["Count"] == 0

    def test_ends_pages_where_it_is_told_to(self, table: DynamoDbTable) -> None:
        for id in "abc":
            put(table, id, kind=text("x"))

        first = of_kind(table, "x", Limit=2)
        second = of_kind(table, "x", Limit=2, ExclusiveStartKey=first["LastEvaluatedKey"])
        assert (ids(first), ids(second), "LastEvaluatedKey" in second) == (["a", "b"], ["c"], False)

    def test_goes_on_behind_an_item_that_is_gone(self, table: DynamoDbTable) -> None:
        for id in "abc":
            put(table, id, kind=text("x"))
        page = of_kind(table, "x", Limit=2)
        table.call("DeleteItem", {"Key": {"id": text("b")}})

        assert ids(of_kind(table, "x", ExclusiveStartKey=page["LastEvaluatedKey"])) == ["c"]

    def test_needs_the_keys_of_table_and_index_to_go_on(self, table: DynamoDbTable) -> None:
        with pytest.raises(DynamoDbError, match="starting key is invalid"):
            of_kind(table, "x", ExclusiveStartKey={"id": text("a")})

    def test_finds_by_the_own_key(self, table: DynamoDbTable) -> None:
        put(table, "a")
        asked = {"KeyConditionExpression": "id = :k", "ExpressionAttributeValues": {":k": text("a")}}

        assert ids(table.call("Query", asked)) == ["a"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("operation", "arguments", "code"),
        [
            ("Scan", {}, "AccessDeniedException"),
            ("PutItem", {"Item": {}}, "ValidationException"),
            ("PutItem", {"Item": {"id": {"S": ""}}}, "ValidationException"),
            ("PutItem", {"Item": {"id": {"N": "1"}}}, "ValidationException"),
            ("PutItem", {"Item": {"id": {"S": "a"}, "x": {"S": "x" * 500_000}}}, "ValidationException"),
            ("PutItem", {"Item": {"id": {"S": "a"}}, "ConditionExpression": "("}, "ValidationException"),
            ("UpdateItem", {"Key": {"id": {"S": "a"}}, "UpdateExpression": "SET id = id"}, "ValidationException"),
            ("Query", {"IndexName": "none", "KeyConditionExpression": "id = id"}, "ValidationException"),
        ],
        ids=["scan", "no-key", "empty-key", "other-key", "large", "condition", "key-update", "index"],
    )
    def test_have_the_codes_of_dynamodb(
        self, table: DynamoDbTable, operation: str, arguments: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(DynamoDbError) as caught:
            table.call(operation, arguments)
        assert caught.value.code == code


class TestSchema:
    def test_is_read_from_a_deployed_table(self) -> None:
        table = {
            "hashKey": "id",
            "globalSecondaryIndexes": [{"name": "by-kind", "hashKey": "kind"}],
            "ttl": {"attributeName": "ends", "enabled": True},
        }

        assert TableSchema.of(table) == SCHEMA
        assert TableSchema.of({"hashKey": "id", "ttl": {"attributeName": "ends", "enabled": False}}) == TableSchema(
            "id"
        )

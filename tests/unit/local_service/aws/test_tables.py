"""Tables and expressions as DynamoDB handles them."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from semantest_iac.infrastructure.local_service.aws.expressions import ExpressionError, ExpressionParser, TableItem
from semantest_iac.infrastructure.local_service.aws.reserved_words import RESERVED_WORDS
from semantest_iac.infrastructure.local_service.aws.tables import DynamoDbError, DynamoDbTable, TableSchema

FIRST = {"ConditionExpression": "attribute_not_exists(id)"}
SCHEMA = TableSchema("id", {"by-kind": "kind"}, "ends")


class ManualClock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def table(clock: ManualClock) -> DynamoDbTable:
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
    def test_exist_until_they_are_deleted(self, table: DynamoDbTable) -> None:
        put(table, "a", kind=text("x"))

        assert get(table, "a") == {"id": text("a"), "kind": text("x")}
        table.call("DeleteItem", {"Key": {"id": text("a")}})
        assert get(table, "a") is None

    def test_are_replaced_by_put_and_changed_by_update(self, table: DynamoDbTable) -> None:
        put(table, "a", old=text("o"), kept=text("k"))
        put(table, "a", kept=text("k"))
        changes = {"UpdateExpression": "SET added = :v", "ExpressionAttributeValues": {":v": text("n")}}

        table.call("UpdateItem", {"Key": {"id": text("a")}, **changes})
        assert get(table, "a") == {"id": text("a"), "kept": text("k"), "added": text("n")}

    def test_are_created_by_update_too(self, table: DynamoDbTable) -> None:
        changes = {"UpdateExpression": "SET kind = :v", "ExpressionAttributeValues": {":v": text("x")}}

        answer = table.call("UpdateItem", {"Key": {"id": text("a")}, **changes, "ReturnValues": "ALL_NEW"})
        assert (answer["Attributes"]["kind"], ids(of_kind(table, "x"))) == (text("x"), ["a"])

    def test_vanish_when_they_expire(self, table: DynamoDbTable, clock: ManualClock) -> None:
        put(table, "a", kind=text("x"), ends={"N": "1000"})
        assert get(table, "a")

        clock.now = 1000.5
        assert (get(table, "a"), ids(of_kind(table, "x"))) == (None, [])


class TestConditions:
    def test_accept_the_first_of_two_writes(self, table: DynamoDbTable) -> None:
        put(table, "a", owner=text("first"), **FIRST)

        with pytest.raises(DynamoDbError) as caught:
            put(table, "a", owner=text("second"), **FIRST, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        assert caught.value.code == "ConditionalCheckFailedException"
        assert caught.value.details["Item"]["owner"] == text("first")

    @pytest.mark.parametrize("operation", ["DeleteItem", "UpdateItem"])
    def test_apply_to_every_write(self, table: DynamoDbTable, operation: str) -> None:
        changes = {"UpdateExpression": "SET a = id"} if operation == "UpdateItem" else {}
        arguments = {"Key": {"id": text("a")}, "ConditionExpression": "attribute_exists(id)", **changes}

        with pytest.raises(DynamoDbError, match="conditional request failed"):
            table.call(operation, arguments)
        assert get(table, "a") is None


class TestQuery:
    def test_finds_items_by_the_current_index(self, table: DynamoDbTable) -> None:
        for id, kind in (("b", "x"), ("a", "x"), ("c", "y"), ("d", "x")):
            put(table, id, kind=text(kind))
        put(table, "d", kind=text("y"))

        assert (ids(of_kind(table, "x")), ids(of_kind(table, "y"))) == (["a", "b"], ["c", "d"])

    def test_leaves_out_items_without_the_index_key(self, table: DynamoDbTable) -> None:
        put(table, "a")

        assert of_kind(table, "x")["Count"] == 0

    def test_ends_pages_at_the_limit(self, table: DynamoDbTable) -> None:
        for id in "abc":
            put(table, id, kind=text("x"))

        first = of_kind(table, "x", Limit=2)
        second = of_kind(table, "x", Limit=2, ExclusiveStartKey=first["LastEvaluatedKey"])
        assert (ids(first), ids(second), "LastEvaluatedKey" in second) == (["a", "b"], ["c"], False)

    def test_continues_after_a_deleted_item(self, table: DynamoDbTable) -> None:
        for id in "abc":
            put(table, id, kind=text("x"))
        page = of_kind(table, "x", Limit=2)
        table.call("DeleteItem", {"Key": {"id": text("b")}})

        assert ids(of_kind(table, "x", ExclusiveStartKey=page["LastEvaluatedKey"])) == ["c"]

    def test_needs_the_keys_of_table_and_index_to_continue(self, table: DynamoDbTable) -> None:
        with pytest.raises(DynamoDbError, match="starting key is invalid"):
            of_kind(table, "x", ExclusiveStartKey={"id": text("a")})

    def test_finds_an_item_by_its_key(self, table: DynamoDbTable) -> None:
        put(table, "a")
        asked = {"KeyConditionExpression": "id = :k", "ExpressionAttributeValues": {":k": text("a")}}

        assert ids(table.call("Query", asked)) == ["a"]


class TestErrors:
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

        assert TableSchema.from_outputs(table) == SCHEMA
        assert TableSchema.from_outputs(
            {"hashKey": "id", "ttl": {"attributeName": "ends", "enabled": False}}
        ) == TableSchema("id")


ITEM = {"id": {"S": "abc"}, "n": {"N": "10"}, "name": {"S": "x"}}
VALUES = {":abc": {"S": "abc"}, ":ab": {"S": "ab"}, ":nine": {"N": "9"}, ":ten": {"N": "10.0"}, ":text": {"S": "10"}}


def evaluate(text: str, item: dict[str, Any] = ITEM) -> bool:
    return ExpressionParser(text, {"#n": "name"}, VALUES).parse_condition()(item)


class TestCondition:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("id = :abc", True),
            ("id <> :abc", False),
            ("n = :ten", True),
            ("n > :nine", True),
            ("n < :nine OR id = :abc", True),
            ("n < :nine AND id = :abc", False),
            ("id = :abc OR id = :ab AND n < :nine", True),
            ("(id = :abc OR id = :ab) AND n < :nine", False),
            ("NOT n < :nine", True),
            ("not (n < :nine or id = :ab)", True),
            ("attribute_exists(id)", True),
            ("attribute_not_exists(absent)", True),
            ("attribute_not_exists (#n)", False),
            ("begins_with(id, :ab)", True),
            ("begins_with(absent, :ab)", False),
        ],
    )
    def test_is_evaluated(self, text: str, expected: bool) -> None:
        assert evaluate(text) is expected

    @pytest.mark.parametrize(
        ("text", "expected"), [("n = :text", False), ("n <> :text", True), ("absent < :ten", False)]
    )
    def test_compares_only_values_of_one_type(self, text: str, expected: bool) -> None:
        assert evaluate(text) is expected

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "id",
            "id =",
            "= :abc",
            "id = :abc id",
            "id = :none",
            "#none = :abc",
            "(id = :abc",
            "id ! :abc",
            "id AND n",
        ],
    )
    def test_that_is_invalid_is_refused(self, text: str) -> None:
        with pytest.raises(ExpressionError):
            evaluate(text)


class TestAssignments:
    def test_contain_values_and_copies_by_attribute(self) -> None:
        found = ExpressionParser("SET #n = :abc, n = id", {"#n": "name"}, VALUES).parse_assignments()

        assert {name: operand(ITEM) for name, operand in found.items()} == {"name": {"S": "abc"}, "n": {"S": "abc"}}

    @pytest.mark.parametrize("text", ["", "REMOVE id", "SET", "SET id", "SET id = :abc,", "SET id = :abc n = :ten"])
    def test_that_are_invalid_are_refused(self, text: str) -> None:
        with pytest.raises(ExpressionError):
            ExpressionParser(text, {}, VALUES).parse_assignments()


class TestSortKeys:
    """Source: "Query" and "Working with local secondary indexes" in DynamoDB's developer guide."""

    OUTPUTS: ClassVar = {
        "hashKey": "room",
        "rangeKey": "at",
        "attributes": [{"name": "room", "type": "S"}, {"name": "at", "type": "N"}, {"name": "author", "type": "S"}],
        "localSecondaryIndexes": [{"name": "by-author", "rangeKey": "author"}],
        "globalSecondaryIndexes": [{"name": "by-time", "hashKey": "author", "rangeKey": "at"}],
    }

    @pytest.fixture
    def messages(self, clock: ManualClock) -> DynamoDbTable:
        table = DynamoDbTable(TableSchema.from_outputs(self.OUTPUTS), clock)
        for room, at, author in (("a", 10, "z"), ("a", 9, "y"), ("a", 100, "x"), ("b", 1, "z")):
            item = {"room": text(room), "at": {"N": str(at)}, "author": text(author)}
            table.call("PutItem", {"Item": item})
        return table

    def query(self, table: DynamoDbTable, condition: str, **arguments: Any) -> Any:
        values = {":r": text("a"), ":z": text("z"), ":n": {"N": "9"}, ":m": {"N": "10"}}
        asked = {"KeyConditionExpression": condition, **arguments}
        used = condition + arguments.get("FilterExpression", "")
        asked["ExpressionAttributeValues"] = {name: value for name, value in values.items() if name in used}
        answer = table.call("Query", asked)
        return [int(item["at"]["N"]) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def test_tell_items_of_one_partition_apart(self, messages: DynamoDbTable) -> None:
        key = {"room": text("a"), "at": {"N": "9"}}

        assert messages.call("GetItem", {"Key": key})["Item"]["author"] == text("y")
        with pytest.raises(DynamoDbError, match="required keys was not given a value: at"):
            messages.call("GetItem", {"Key": {"room": text("a")}})

    @pytest.mark.parametrize(
        ("condition", "arguments", "times"),
        [
            ("room = :r", {}, [9, 10, 100]),
            ("room = :r", {"ScanIndexForward": False}, [100, 10, 9]),
            ("room = :r AND #at BETWEEN :n AND :m", {"ExpressionAttributeNames": {"#at": "at"}}, [9, 10]),
            ("room = :r AND #at > :n", {"ExpressionAttributeNames": {"#at": "at"}}, [10, 100]),
            ("room = :r", {"IndexName": "by-author"}, [100, 9, 10]),
            ("author = :z", {"IndexName": "by-time"}, [1, 10]),
            ("room = :r", {"FilterExpression": "author IN (:z)"}, [10]),
        ],
    )
    def test_order_and_bound_queries(
        self, condition: str, arguments: dict[str, Any], times: list[int], messages: DynamoDbTable
    ) -> None:
        assert self.query(messages, condition, **arguments)[0] == times

    @pytest.mark.parametrize("forward", [True, False])
    def test_order_pages(self, forward: bool, messages: DynamoDbTable) -> None:
        found: list[int] = []
        start: dict[str, Any] = {}
        for _ in range(3):
            page, last = self.query(messages, "room = :r", Limit=1, ScanIndexForward=forward, **start)
            found += page
            start = {"ExclusiveStartKey": last}

        assert found == ([9, 10, 100] if forward else [100, 10, 9])


class TestConditionFunctions:
    """Source: "Comparison operator and function reference" in DynamoDB's developer guide."""

    @pytest.mark.parametrize(
        ("condition", "holds"),
        [
            ("n BETWEEN :one AND :three", True),
            ("n BETWEEN :three AND :one", False),
            ("NOT n BETWEEN :three AND :three AND n = :two", True),
            ("n IN (:one, :two)", True),
            ("n IN (:one, :three)", False),
            ("n IN (:text)", False),
            ("contains(s, :text)", True),
            ("contains(l, :text)", True),
            ("contains(ss, :text)", True),
            ("contains(n, :text)", False),
            ("contains(absent, :text)", False),
            ("size(s) = :three", True),
            ("size(l) < :three", True),
            ("size(absent) < :three", False),
            ("attribute_type(l, :list)", True),
            ("attribute_type(s, :list)", False),
        ],
    )
    def test_are_those_of_dynamodb(self, condition: str, holds: bool) -> None:
        item: TableItem = {"n": {"N": "2"}, "s": text("abc"), "l": {"L": [text("b")]}, "ss": {"SS": ["a", "b"]}}
        values = {":one": {"N": "1"}, ":two": {"N": "2"}, ":three": {"N": "3"}, ":text": text("b"), ":list": text("L")}

        assert ExpressionParser(condition, {}, values).parse_condition()(item) is holds


class TestWhatDynamoDbRefusesOfExpressions:
    """Sources: the developer guide's list of reserved words; answers that moto's tests recorded on AWS."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"ConditionExpression": "attribute_exists(identity)"},
                "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: identity",
            ),
            (
                {"ConditionExpression": "Status = :s", "ExpressionAttributeValues": {":s": {"S": "x"}}},
                "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: Status",
            ),
            (
                {"ConditionExpression": "kind = :s"},
                "Invalid ConditionExpression: An expression attribute value used in expression is not defined; "
                "attribute value: :s",
            ),
            (
                {"ConditionExpression": "attribute_exists(#c)"},
                "Invalid ConditionExpression: An expression attribute name used in the document path is not defined; "
                "attribute name: #c",
            ),
            (
                {**FIRST, "ExpressionAttributeNames": {"#count": "count"}},
                "Value provided in ExpressionAttributeNames unused in expressions: keys: {#count}",
            ),
            (
                {**FIRST, "ExpressionAttributeValues": {":change": {"N": "1"}}},
                "Value provided in ExpressionAttributeValues unused in expressions: keys: {:change}",
            ),
        ],
        ids=["reserved", "reserved in any case", "no value", "no name", "unused name", "unused value"],
    )
    def test_is_refused_with_its_words(self, table: DynamoDbTable, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(DynamoDbError) as caught:
            table.call("PutItem", {"Item": {"id": {"S": "a"}}, **arguments})

        assert (caught.value.code, str(caught.value)) == ("ValidationException", message)

    def test_is_accepted_behind_a_placeholder(self, table: DynamoDbTable) -> None:
        arguments = {"ConditionExpression": "attribute_not_exists(#s)", "ExpressionAttributeNames": {"#s": "status"}}

        assert table.call("PutItem", {"Item": {"id": {"S": "a"}}, **arguments}) == {}

    def test_does_not_go_beyond_the_list(self, table: DynamoDbTable) -> None:
        assert (len(RESERVED_WORDS), "METADATA" in RESERVED_WORDS) == (573, False)
        assert (
            table.call("PutItem", {"Item": {"id": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(metadata)"})
            == {}
        )

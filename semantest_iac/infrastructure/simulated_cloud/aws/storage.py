"""DynamoDB tables."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    Length,
    OneOf,
    Pattern,
    Range,
    ValueKind,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    COMPUTED,
    REPLACES,
    UNORDERED,
    PropertyRefinement,
    change_kind,
    correct,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    RequestGuard,
    Requires,
    TypeRule,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

TABLE_TYPE: Final = "aws:dynamodb/table:Table"


def _key_attributes(context: GuardContext) -> set[str]:
    facts = context.facts
    indexes = (*(facts["globalSecondaryIndexes"] or ()), *(facts["localSecondaryIndexes"] or ()))
    schemas = (key["attributeName"] for index in indexes for key in index.get("keySchemas") or ())
    direct = (owner.get(name) for owner in (facts, *indexes) for name in ("hashKey", "rangeKey"))
    return {name for name in (*direct, *schemas) if name}


def _attributes_differ_from_keys(context: GuardContext) -> bool:
    defined = {attribute["name"] for attribute in context.facts["attributes"] or ()}
    return bool(defined or context.facts["hashKey"]) and defined != _key_attributes(context)


def _warm_throughput(facts: RequestFacts) -> dict[str, int]:
    """Return the throughput that a new table takes at once; source: recorded answers of AWS."""
    if facts["billingMode"] == "PAY_PER_REQUEST":
        return {"readUnitsPerSecond": 12000, "writeUnitsPerSecond": 4000}
    return {
        "readUnitsPerSecond": int(facts["readCapacity"] or 0),
        "writeUnitsPerSecond": int(facts["writeCapacity"] or 0),
    }


def _lacks_range_key_for_local_index(context: GuardContext) -> bool:
    return bool(context.facts["localSecondaryIndexes"]) and not context.facts["rangeKey"]


def _repeats_index_names(context: GuardContext) -> bool:
    facts = context.facts
    indexes = (*(facts["globalSecondaryIndexes"] or ()), *(facts["localSecondaryIndexes"] or ()))
    names = [index["name"] for index in indexes]
    return len(set(names)) < len(names)


def _lacks_capacity(context: GuardContext) -> bool:
    facts = context.facts
    capacity = (facts["readCapacity"], facts["writeCapacity"])
    return facts["billingMode"] == "PROVISIONED" and not facts["restoreSourceName"] and not all(capacity)


_CAPACITY: Final = ("readCapacity", "writeCapacity")
_THROUGHPUT: Final = ("warmThroughput.readUnitsPerSecond", "warmThroughput.writeUnitsPerSecond")
_PROJECTIONS: Final = OneOf(("ALL", "INCLUDE", "KEYS_ONLY"), API)

_INDEX_REFINEMENTS: Final[dict[str, PropertyRefinement]] = {
    "globalSecondaryIndexes": UNORDERED,
    "globalSecondaryIndexes.keySchemas.keyType": refine(OneOf(("HASH", "RANGE"), API)),
    "globalSecondaryIndexes.nonKeyAttributes": UNORDERED,
    **{f"globalSecondaryIndexes.{name}": COMPUTED for name in ("warmThroughput", *_THROUGHPUT, *_CAPACITY)},
    "localSecondaryIndexes": change_kind(ValueKind.SET, force_new=True),
    "localSecondaryIndexes.name": refine(Length(3, 255, API)),
    "localSecondaryIndexes.projectionType": refine(_PROJECTIONS),
}
_REPLICA_OUTPUTS: Final = ("arn", "consistencyMode", "kmsKeyArn", "streamArn", "streamLabel")

STORAGE_TYPES: Final[dict[str, TypeRule]] = {
    TABLE_TYPE: AwsType(TABLE_TYPE).rule(
        {
            **_INDEX_REFINEMENTS,
            **dict.fromkeys(("attributes", "importTable.inputFormatOptions.csv.headerLists", "replicas"), UNORDERED),
            **dict.fromkeys(_CAPACITY, refine(Range(0, None, API))),
            **dict.fromkeys((*_THROUGHPUT, "serverSideEncryption.kmsKeyArn"), COMPUTED),
            "name": correct(Length(3, 255, API), Pattern(r"^[a-zA-Z0-9_.-]+$", API)),
            "pointInTimeRecovery.recoveryPeriodInDays": refine(Range(1, 35, DOC), computed_default=True, default=None),
            **{f"replicas.{name}": refine(computed_default=True, default=None) for name in _REPLICA_OUTPUTS},
            "streamViewType": refine(OneOf(("KEYS_ONLY", "NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE"), DOC)),
            # CloudFormation decides by the key schema, and cannot restore
            **dict.fromkeys(("hashKey", "rangeKey", "restoreBackupArn", "restoreDateTime"), REPLACES),
            "restoreToLatestTime": REPLACES,
        },
        computed={
            "streamArn": lambda facts: f"{facts['arn']}/stream/{facts['now']}" if facts["streamEnabled"] else "",
            "streamLabel": lambda facts: facts["now"] if facts["streamEnabled"] else "",
            **dict.fromkeys(("readCapacity", "writeCapacity"), lambda _: 0),
            "warmThroughput": _warm_throughput,
            "pointInTimeRecovery": lambda _: {"enabled": False},
            "ttl": lambda _: {"attributeName": "", "enabled": False},
        },
        exists=Refusal("ResourceInUseException", "Table already exists: {name}"),
        conditions=(Requires("streamEnabled", ("streamViewType",), DOC),),
        guards=(
            RequestGuard(
                _attributes_differ_from_keys,
                Refusal("ValidationException", "all attributes must be indexed. Unused attributes: {attributes}"),
                DOC,
            ),
            RequestGuard(
                _lacks_range_key_for_local_index,
                Refusal(
                    "ValidationException",
                    "One or more parameter values were invalid: Table KeySchema does not have a range key, which is "
                    "required when specifying a LocalSecondaryIndex",
                ),
                DOC,
            ),
            RequestGuard(
                _repeats_index_names,
                Refusal(
                    "ValidationException",
                    "One or more parameter values were invalid: Duplicate index name",
                ),
                DOC,
            ),
            RequestGuard(
                _lacks_capacity,
                Refusal(
                    "ValidationException",
                    "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be "
                    "specified when BillingMode is PROVISIONED",
                ),
                DOC,
            ),
        ),
        deletion_protection=(
            "deletionProtectionEnabled",
            Refusal(
                "ValidationException",
                "Resource cannot be deleted as it is currently protected against deletion. "
                "Disable deletion protection first.",
            ),
        ),
        latency_seconds=10,
    ),
}

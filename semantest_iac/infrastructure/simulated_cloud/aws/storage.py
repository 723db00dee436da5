"""DynamoDB tables."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import (
    REGION_AND_TAGS_OUTPUTS,
    REGION_PROPERTY,
    TAGS_PROPERTY,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    CFN,
    DOC,
    Length,
    OneOf,
    Pattern,
    Property,
    Range,
    block,
    flag,
    for_each,
    integer,
    list_of,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    RequestGuard,
    Requires,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

TABLE_TYPE: Final = "aws:dynamodb/table:Table"

_INDEX_NAME: Final = text(Length(3, 255, CFN), Pattern(r"^[a-zA-Z0-9_.-]+$", CFN), required=True)
_PROJECTION: Final = text(OneOf(("ALL", "INCLUDE", "KEYS_ONLY"), CFN), required=True)
_ON_DEMAND_THROUGHPUT: Final = block(
    for_each(integer(Range(1, None, CFN)), "maxReadRequestUnits", "maxWriteRequestUnits")
)
_WARM_THROUGHPUT: Final = block(
    for_each(integer(Range(1, None, CFN), computed_default=True), "readUnitsPerSecond", "writeUnitsPerSecond"),
    computed_default=True,
)


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


def _global_index() -> Property:
    keys = {
        "attributeName": text(required=True),
        "keyType": text(OneOf(("HASH", "RANGE"), API), required=True),
    }
    return set_of(
        block(
            {
                "name": _INDEX_NAME,
                "projectionType": _PROJECTION,
                **for_each(text(), "hashKey", "rangeKey"),
                "keySchemas": list_of(block(keys)),
                "nonKeyAttributes": set_of(text(Length(1, 255, CFN))),
                "onDemandThroughput": _ON_DEMAND_THROUGHPUT,
                "warmThroughput": _WARM_THROUGHPUT,
                **for_each(integer(Range(0, None, CFN), computed_default=True), "readCapacity", "writeCapacity"),
            }
        )
    )


def _import_source() -> Property:
    bucket = {"bucket": text(required=True), **for_each(text(), "bucketOwner", "keyPrefix")}
    csv = {"delimiter": text(), "headerLists": set_of(text())}
    return block(
        {
            "inputFormat": text(required=True),
            "s3BucketSource": block(bucket, required=True),
            "inputCompressionType": text(),
            "inputFormatOptions": block({"csv": block(csv)}),
        },
        force_new=True,
    )


def _replicas() -> Property:
    return set_of(
        block(
            {
                "regionName": text(required=True),
                **for_each(
                    text(computed_default=True), "arn", "consistencyMode", "kmsKeyArn", "streamArn", "streamLabel"
                ),
                **for_each(flag(), "deletionProtectionEnabled", "pointInTimeRecovery", "propagateTags"),
            }
        )
    )


STORAGE_TYPES: Final = {
    TABLE_TYPE: TypeRule(
        properties={
            "attributes": set_of(
                block(
                    {
                        "name": text(Length(1, 255, CFN), required=True),
                        "type": text(OneOf(("B", "N", "S"), CFN), required=True),
                    }
                )
            ),
            "billingMode": text(OneOf(("PAY_PER_REQUEST", "PROVISIONED"), CFN), default="PROVISIONED"),
            "deletionProtectionEnabled": flag(default=False),
            "globalSecondaryIndexes": _global_index(),
            "globalTableWitness": block({"regionName": text()}, computed_default=True),
            "hashKey": text(force_new=True, computed_default=True),
            "rangeKey": text(force_new=True),
            "importTable": _import_source(),
            "localSecondaryIndexes": set_of(
                block(
                    {
                        "name": text(Length(3, 255, API), required=True),
                        "projectionType": text(OneOf(("ALL", "INCLUDE", "KEYS_ONLY"), API), required=True),
                        "rangeKey": text(required=True),
                        "nonKeyAttributes": list_of(text()),
                    }
                ),
                force_new=True,
            ),
            "name": text(
                Length(3, 255, API), Pattern(r"^[a-zA-Z0-9_.-]+$", API), force_new=True, computed_default=True
            ),
            "onDemandThroughput": _ON_DEMAND_THROUGHPUT,
            "pointInTimeRecovery": block(
                {
                    "enabled": flag(required=True),
                    "recoveryPeriodInDays": integer(Range(1, 35, DOC), computed_default=True),
                },
                computed_default=True,
            ),
            "replicas": _replicas(),
            "serverSideEncryption": block(
                {"enabled": flag(required=True), "kmsKeyArn": text(computed_default=True)}, computed_default=True
            ),
            "streamEnabled": flag(),
            "streamViewType": text(
                OneOf(("KEYS_ONLY", "NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE"), DOC), computed_default=True
            ),
            "tableClass": text(OneOf(("STANDARD", "STANDARD_INFREQUENT_ACCESS"), CFN), default="STANDARD"),
            "ttl": block({"attributeName": text(), "enabled": flag(default=False)}, computed_default=True),
            "warmThroughput": _WARM_THROUGHPUT,
            **for_each(integer(Range(0, None, API), computed_default=True), "readCapacity", "writeCapacity"),
            **for_each(text(), "restoreSourceName", "restoreSourceTableArn"),
            **for_each(text(force_new=True), "restoreBackupArn", "restoreDateTime"),
            "restoreToLatestTime": flag(force_new=True),
            **REGION_PROPERTY,
            **TAGS_PROPERTY,
        },
        identity="{name}",
        name_input="name",
        planned=REGION_AND_TAGS_OUTPUTS,
        computed={
            "arn": "arn:aws:dynamodb:{region}:{account}:table/{name}",
            "streamArn": lambda facts: f"{facts['arn']}/stream/{facts['now']}" if facts["streamEnabled"] else "",
            "streamLabel": lambda facts: facts["now"] if facts["streamEnabled"] else "",
            **dict.fromkeys(("readCapacity", "writeCapacity"), lambda _: 0),
            "warmThroughput": _warm_throughput,
            "pointInTimeRecovery": lambda _: {"enabled": False},
            "ttl": lambda _: {"attributeName": "", "enabled": False},
        },
        handles=("{arn}",),
        unique=(UniqueHandle("{name}", Refusal("ResourceInUseException", "Table already exists: {name}")),),
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

"""S3 buckets, and the resources in which Pulumi keeps their settings.

Source of what is `API`: the reference of S3 (PutBucketLifecycleConfiguration, PutBucketVersioning).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    Count,
    Length,
    OneOf,
    Pattern,
    Range,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import PropertyRefinement, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard, TypeRule

BUCKET_TYPE: Final = "aws:s3/bucket:Bucket"

BUCKET_LIFECYCLE_TYPE: Final = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET_POLICY_TYPE: Final = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_ACCESS_TYPE: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_ENCRYPTION_TYPE: Final = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BUCKET_VERSIONING_TYPE: Final = "aws:s3/bucketVersioning:BucketVersioning"

_DAYS: Final = Range(1, 2147483647, API)
_SWITCH: Final = OneOf(("Enabled", "Disabled"), API)


def _mixes_markers_and_days(context: GuardContext) -> bool:
    expirations = [rule.get("expiration") or {} for rule in context.facts["rules"] or ()]
    return any(it.get("expiredObjectDeleteMarker") and (it.get("days") or it.get("date")) for it in expirations)


def _repeats_rule(context: GuardContext) -> bool:
    names = [rule.get("id") for rule in context.facts["rules"] or ()]
    return len(names) != len({*names})


def _setting(type_: str, refinements: Mapping[str, PropertyRefinement], **more: Any) -> TypeRule:
    """Return the rule of a setting of a bucket, which has at most one of a type, and which another one replaces."""
    return AwsType(type_, "{bucket}").rule(
        {"bucket": refine(force_new=True), **refinements}, create_overwrites=True, **more
    )


OBJECT_STORAGE_TYPES: Final[dict[str, TypeRule]] = {
    BUCKET_TYPE: AwsType(BUCKET_TYPE).rule(
        {"bucket": refine(Length(3, 63, DOC), Pattern(r"^(?!xn--|\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9.-]+\Z", DOC))},
        computed={
            "bucketDomainName": "{bucket}.s3.amazonaws.com",
            "bucketRegion": "{region}",
            "bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com",
        },
        exists=Refusal("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded", 409),
    ),
    BUCKET_POLICY_TYPE: _setting(BUCKET_POLICY_TYPE, {}),
    BUCKET_ACCESS_TYPE: _setting(BUCKET_ACCESS_TYPE, {}),
    BUCKET_ENCRYPTION_TYPE: _setting(
        BUCKET_ENCRYPTION_TYPE,
        {
            "expectedBucketOwner": refine(force_new=True),
            "rules.applyServerSideEncryptionByDefault.sseAlgorithm": refine(
                OneOf(("AES256", "aws:kms", "aws:kms:dsse"), API)
            ),
        },
    ),
    BUCKET_VERSIONING_TYPE: _setting(
        BUCKET_VERSIONING_TYPE,
        {
            "expectedBucketOwner": refine(force_new=True),
            "versioningConfiguration.status": refine(OneOf(("Enabled", "Suspended", "Disabled"), API)),
        },
    ),
    BUCKET_LIFECYCLE_TYPE: _setting(
        BUCKET_LIFECYCLE_TYPE,
        {
            "expectedBucketOwner": refine(force_new=True),
            "rules": refine(Count(1, 1000, API)),
            "rules.id": refine(Length(1, 255, API)),
            "rules.status": refine(_SWITCH),
            "rules.expiration.days": refine(_DAYS),
            "rules.noncurrentVersionExpiration.noncurrentDays": refine(_DAYS),
            "rules.abortIncompleteMultipartUpload.daysAfterInitiation": refine(_DAYS),
        },
        computed={"transitionDefaultMinimumObjectSize": "all_storage_classes_128K", "expectedBucketOwner": ""},
        guards=(
            RequestGuard(
                _mixes_markers_and_days,
                Refusal("MalformedXML", "ExpiredObjectDeleteMarker cannot be specified with Days or Date"),
                API,
            ),
            RequestGuard(_repeats_rule, Refusal("InvalidArgument", "Rule ID must be unique"), API),
        ),
    ),
}

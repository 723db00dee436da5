"""S3 buckets."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC, Length, Pattern
from semantest_iac.infrastructure.simulated_cloud.schema.published import refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import TypeRule

BUCKET_TYPE: Final = "aws:s3/bucket:Bucket"

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
}

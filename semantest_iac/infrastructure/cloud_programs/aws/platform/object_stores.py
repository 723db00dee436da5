"""Stores of objects on S3."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.security.vaults import AccessRight
from semantest_iac.domain.storage.object_stores import ObjectStore, bucket_variable
from semantest_iac.infrastructure.cloud_programs.aws.foundation import (
    allow_actions,
    attach_policy,
    globally_unique_aws_name,
)
from semantest_iac.infrastructure.cloud_programs.aws.security import RIGHT_ACTIONS
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_UPLOAD_DAYS = 7  # after which parts of an upload that never ended are deleted
_OLDEST_TLS = "1.2"


def create_object_store(store: ObjectStore, context: ProgramContext) -> Outputs:
    """Create a bucket that is never public; a destroy, which asks before it loses data, deletes its objects too."""
    kept = store.keep or None
    bucket = aws.s3.Bucket(
        store.name,
        bucket=globally_unique_aws_name("bucket", context, context.add_deployment_suffix(store.bucket)),
        force_destroy=True,
        tags=context.tags,
        opts=context.options(retain_on_delete=kept, ignore_changes=["bucket"]),
    )
    access = aws.s3.BucketPublicAccessBlock(
        store.name,
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=context.options(retain_on_delete=kept),
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        store.name,
        bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        opts=context.options(retain_on_delete=kept),
    )
    aws.s3.BucketPolicy(
        store.name,
        bucket=bucket.bucket,
        policy=pulumi.Output.json_dumps(_build_transport_policy(bucket.arn), sort_keys=True),
        opts=context.options(retain_on_delete=kept, depends_on=[access]),  # S3 refuses a change of both at once
    )
    _create_lifecycle(store, bucket, context)
    statements = _list_statements(bucket.arn)
    for user in store.users:
        attach_policy(f"{store.name}-{user}", context.outputs[user]["name"], statements, context)
    return {
        "id": bucket.arn,
        "arn": bucket.arn,
        "name": bucket.bucket,
        "address": bucket.bucket,
        "variables": {bucket_variable(store.bucket): bucket.bucket},
        "statements": statements,
    }


def _create_lifecycle(store: ObjectStore, bucket: aws.s3.Bucket, context: ProgramContext) -> None:
    """Keep earlier versions of objects for a while, and objects for their lifetime."""
    kept = store.keep or None
    versioning = aws.s3.BucketVersioning(
        store.name,
        bucket=bucket.bucket,
        versioning_configuration={"status": "Enabled"},
        opts=context.options(retain_on_delete=kept),
    )
    rules: list[dict[str, Any]] = [
        {
            "id": "recovery",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrent_version_expiration": {"noncurrent_days": store.recovery_days},
            "abort_incomplete_multipart_upload": {"days_after_initiation": _UPLOAD_DAYS},
            "expiration": {"expired_object_delete_marker": True},
        }
    ]
    if store.lifetime_days is not None:
        expiration = {"days": store.lifetime_days}
        rules.append({"id": "lifetime", "status": "Enabled", "filter": {"prefix": ""}, "expiration": expiration})
    aws.s3.BucketLifecycleConfiguration(
        store.name,
        bucket=bucket.bucket,
        rules=rules,
        opts=context.options(retain_on_delete=kept, depends_on=[versioning]),
    )


def _build_transport_policy(bucket: pulumi.Input[str]) -> dict[str, Any]:
    """Return the policy that refuses what is sent in the clear, or with an old version of TLS."""
    conditions = {
        "InTheClear": {"Bool": {"aws:SecureTransport": "false"}},
        "WithOldTls": {"NumericLessThan": {"s3:TlsVersion": _OLDEST_TLS}},
    }
    statements = [
        {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket, pulumi.Output.concat(bucket, "/*")],
            "Condition": condition,
        }
        for sid, condition in conditions.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _list_statements(bucket: pulumi.Input[str]) -> list[dict[str, Any]]:
    actions = RIGHT_ACTIONS[AccessRight.READ_WRITE_OBJECTS, "s3"]
    below = [pulumi.Output.concat(bucket, part) for part in actions.parts]
    return [
        allow_actions(actions.own, [bucket]),
        allow_actions(actions.below, below),
    ]

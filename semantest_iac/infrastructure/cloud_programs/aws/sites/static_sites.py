"""The files of a static site as objects of a private bucket, which CloudFront alone reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.sites import VARIABLES_FILE, StaticSite
from semantest_iac.infrastructure.cloud_programs.aws.foundation import globally_unique_aws_name
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.cloud_programs.site_files import ASK_AGAIN, list_site_files, render_variables

ERROR_PAGE = "404.html"


def create_static_site(site: StaticSite, context: ProgramContext) -> Outputs:
    """Create the bucket with an object for each file: a deployment writes those that changed, and deletes others."""
    bucket = aws.s3.Bucket(
        site.name,
        bucket=globally_unique_aws_name("bucket", context, context.add_deployment_suffix(site.name)),
        force_destroy=True,
        tags=context.tags,
        opts=context.options(ignore_changes=["bucket"]),
    )
    access = aws.s3.BucketPublicAccessBlock(
        site.name,
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=context.options(),
    )
    encryption = aws.s3.BucketServerSideEncryptionConfiguration(
        site.name,
        bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        opts=context.options(),
    )
    files = list_site_files(context.find_site_package())
    variables = _collect_variables(site, context)
    objects = [
        aws.s3.BucketObjectv2(
            f"{site.name}/{file.path}",
            bucket=bucket.bucket,
            key=file.path,
            source=pulumi.FileAsset(str(file.file)),
            content_type=file.content_type,
            cache_control=file.find_cache_control(site.cache_s),
            opts=context.options(depends_on=[encryption]),
        )
        for file in files
        if not (variables and file.path == VARIABLES_FILE)
    ]
    if variables:
        objects.append(_create_variables(site, bucket, variables, context.options(depends_on=[encryption])))
    return {
        "id": bucket.arn,
        "arn": bucket.arn,
        "name": bucket.bucket,
        "host": bucket.bucket_regional_domain_name,
        "access": access,
        "objects": objects,
        "has_error_page": any(file.path == ERROR_PAGE for file in files),
    }


def _collect_variables(site: StaticSite, context: ProgramContext) -> Mapping[str, Any]:
    addresses = {name: context.outputs[ref]["url"] for name, ref in site.addresses.items()}
    return {**site.variables, **addresses}


def _create_variables(
    site: StaticSite, bucket: aws.s3.Bucket, variables: Mapping[str, Any], options: pulumi.ResourceOptions
) -> aws.s3.BucketObjectv2:
    """Write the variables into their file, when the addresses among them are known."""
    return aws.s3.BucketObjectv2(
        f"{site.name}/{VARIABLES_FILE}",
        bucket=bucket.bucket,
        key=VARIABLES_FILE,
        content=pulumi.Output.all(**variables).apply(render_variables),
        content_type="application/json",
        cache_control=ASK_AGAIN,
        opts=options,
    )

"""Distributions of CloudFront, which answer for the private bucket of a site.

Source: CloudFront's guide, "Restrict access to an Amazon S3 origin" and "Use managed cache policies", and its page on
prices for the geographies of a price class.
"""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.sites import INDEX_PAGE, ContentDelivery, Geography
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.aws.sites.domains import (
    CLOUDFRONT_REGION,
    DomainPlace,
    create_address_records,
    request_certificate,
    wait_for_certificate,
)
from semantest_iac.infrastructure.cloud_programs.aws.sites.response_headers import create_headers_policy
from semantest_iac.infrastructure.cloud_programs.aws.sites.static_sites import ERROR_PAGE
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # a policy that every account has
_LONGEST_CACHE_S = 31536000
_CHEAP = frozenset({Geography.NORTH_AMERICA, Geography.EUROPE})
_PRICE_CLASSES = (
    ("PriceClass_100", _CHEAP),
    ("PriceClass_200", _CHEAP | {Geography.ASIA, Geography.MIDDLE_EAST, Geography.AFRICA}),
    ("PriceClass_All", frozenset(Geography)),
)
_ADD_INDEX = f"""function handler(event) {{
    var request = event.request;
    if (request.uri.endsWith("/")) request.uri += "{INDEX_PAGE}";
    return request;
}}
"""


def create_content_delivery(delivery: ContentDelivery, context: ProgramContext) -> Outputs:
    """Create the distribution, and let it, and nothing else, read the bucket."""
    site = context.outputs[delivery.site]
    zone = context.outputs[delivery.zone]["id"] if delivery.zone else None  # a domain without one is refused
    place = DomainPlace(delivery.name, delivery.domain, zone, CLOUDFRONT_REGION) if delivery.domain else None
    certificate = wait_for_certificate(place, request_certificate(place, context), context) if place else None
    origin: Any = {
        "origin_id": delivery.site,
        "domain_name": site["host"],
        "origin_access_control_id": _create_access_control(delivery, context),
    }
    distribution = aws.cloudfront.Distribution(
        delivery.name,
        enabled=True,
        comment=str(context.stack),
        aliases=[delivery.domain] if delivery.domain else None,
        is_ipv6_enabled=True,
        http_version="http2and3",
        price_class=_find_price_class(delivery),
        default_root_object=INDEX_PAGE,
        origins=[origin],
        default_cache_behavior=_build_behaviour(delivery, context),
        custom_error_responses=_list_error_pages(delivery, site),
        restrictions={"geo_restriction": {"restriction_type": "none"}},
        viewer_certificate=_build_viewer_certificate(certificate),
        web_acl_id=context.outputs[delivery.firewall]["arn"] if delivery.firewall else None,
        tags=context.tags,
        opts=context.options(depends_on=site["objects"]),
    )
    _let_read(delivery, site, distribution, context)
    if place:
        create_address_records(place, distribution.domain_name, distribution.hosted_zone_id, context)
    return {
        "id": distribution.id,
        "arn": distribution.arn,
        "name": distribution.id,
        "host": distribution.domain_name,
        "url": pulumi.Output.concat("https://", delivery.domain or distribution.domain_name),
    }


def _create_access_control(delivery: ContentDelivery, context: ProgramContext) -> pulumi.Output[str]:
    """Have CloudFront sign what it asks of the bucket."""
    control = aws.cloudfront.OriginAccessControl(
        delivery.name,
        name=aws_name("access control", context, delivery.name),
        origin_access_control_origin_type="s3",
        signing_behavior="always",
        signing_protocol="sigv4",
        opts=context.options(),
    )
    id_: pulumi.Output[str] = control.id
    return id_


def _find_price_class(delivery: ContentDelivery) -> str:
    """Return the cheapest class of edge locations that has all geographies."""
    wanted = frozenset(delivery.geographies) if delivery.caches else _CHEAP
    return next(name for name, geographies in _PRICE_CLASSES if wanted <= geographies)


def _build_behaviour(delivery: ContentDelivery, context: ProgramContext) -> Any:
    behaviour = {
        "target_origin_id": delivery.site,
        "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": ["GET", "HEAD", "OPTIONS"],
        "cached_methods": ["GET", "HEAD"],
        "compress": True,
        "cache_policy_id": _create_cache_policy(delivery, context) if delivery.caches else _CACHING_DISABLED,
        "response_headers_policy_id": create_headers_policy(delivery, context),
    }
    if delivery.single_page:
        return behaviour
    function = aws.cloudfront.Function(
        delivery.name,
        name=aws_name("edge function", context, delivery.name),
        runtime="cloudfront-js-2.0",
        comment="A folder is answered with its index page",
        code=_ADD_INDEX,
        publish=True,
        opts=context.options(),
    )
    return {**behaviour, "function_associations": [{"event_type": "viewer-request", "function_arn": function.arn}]}


def _create_cache_policy(delivery: ContentDelivery, context: ProgramContext) -> pulumi.Output[str]:
    """Keep each file as long as its own header says; of a request, the path alone tells answers apart."""
    policy = aws.cloudfront.CachePolicy(
        delivery.name,
        name=aws_name("cache policy", context, delivery.name),
        min_ttl=0,
        default_ttl=0,
        max_ttl=_LONGEST_CACHE_S,
        parameters_in_cache_key_and_forwarded_to_origin={
            "cookies_config": {"cookie_behavior": "none"},
            "headers_config": {"header_behavior": "none"},
            "query_strings_config": {"query_string_behavior": "none"},
            "enable_accept_encoding_brotli": True,
            "enable_accept_encoding_gzip": True,
        },
        opts=context.options(),
    )
    id_: pulumi.Output[str] = policy.id
    return id_


def _list_error_pages(delivery: ContentDelivery, site: Outputs) -> Any:
    """Return what answers a path without a file: the index page of a single page, or the site's own error page."""
    page = {"error_code": 404, "error_caching_min_ttl": 0}
    if delivery.single_page:
        return [{**page, "response_code": 200, "response_page_path": f"/{INDEX_PAGE}"}]
    return [{**page, "response_code": 404, "response_page_path": f"/{ERROR_PAGE}"}] if site["has_error_page"] else None


def _build_viewer_certificate(certificate: pulumi.Output[str] | None) -> Any:
    if certificate is None:
        return {"cloudfront_default_certificate": True}
    return {
        "acm_certificate_arn": certificate,
        "ssl_support_method": "sni-only",
        "minimum_protocol_version": "TLSv1.2_2021",
    }


def _let_read(
    delivery: ContentDelivery, site: Outputs, distribution: aws.cloudfront.Distribution, context: ProgramContext
) -> None:
    """Let CloudFront read for this distribution; it may list, so that it can tell a missing file from a closed one."""
    arn = site["arn"]
    below = pulumi.Output.concat(arn, "/*")
    reader = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Condition": {"StringEquals": {"AWS:SourceArn": distribution.arn}},
    }
    statements = [
        {**reader, "Sid": "ReadForDelivery", "Action": "s3:GetObject", "Resource": below},
        {**reader, "Sid": "ListForDelivery", "Action": "s3:ListBucket", "Resource": arn},
        {
            "Sid": "InTheClear",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, below],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]
    aws.s3.BucketPolicy(
        delivery.name,
        bucket=site["name"],
        policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}, sort_keys=True),
        opts=context.options(depends_on=[site["access"]]),  # S3 refuses a change of both at once
    )

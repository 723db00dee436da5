"""The headers that CloudFront adds to each answer of a site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.sites import ContentDelivery
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.context import ProgramContext

_NAMES: Mapping[str, tuple[str, str]] = {
    "content-security-policy": ("content_security_policy", "content_security_policy"),
    "referrer-policy": ("referrer_policy", "referrer_policy"),
    "strict-transport-security": ("strict_transport_security", "access_control_max_age_sec"),
    "x-content-type-options": ("content_type_options", ""),
    "x-frame-options": ("frame_options", "frame_option"),
}
"""The headers that CloudFront refuses among the others: the block of each, and where its value is in it."""


def create_headers_policy(delivery: ContentDelivery, context: ProgramContext) -> pulumi.Output[str]:
    """Create the policy, whose headers take the place of those of the bucket; returns its id."""
    security = {
        block: {**({place: _read_value(block, value)} if place else {}), "override": True}
        for name, value in delivery.headers.items()
        for block, place in [_NAMES.get(name.lower(), ("", ""))]
        if block
    }
    custom: Any = [
        {"header": name, "value": value, "override": True}
        for name, value in sorted(delivery.headers.items())
        if name.lower() not in _NAMES
    ]
    policy = aws.cloudfront.ResponseHeadersPolicy(
        delivery.name,
        name=aws_name("headers policy", context, delivery.name),
        security_headers_config=security or None,
        custom_headers_config={"items": custom} if custom else None,
        opts=context.options(),
    )
    id_: pulumi.Output[str] = policy.id
    return id_


def _read_value(block: str, value: str) -> str | int:
    """Return the value as the block has it: seconds without their name, and words of frames in capitals."""
    if block == "strict_transport_security":
        return int("".join(filter(str.isdigit, value)))
    return value.upper() if block == "frame_options" else value

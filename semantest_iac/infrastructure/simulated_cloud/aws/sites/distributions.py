"""Distributions of CloudFront with their policies and functions, and the web ACL in front of them.

Source of what is `API`: the references of CloudFront (CreateDistribution, CreateCachePolicy, DeleteCachePolicy) and of
WAF (CreateWebACL), and `DOC` CloudFront's guide.
"""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.runtime.naming import hex_suffix
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, DOC, OneOf, ValueKind
from semantest_iac.infrastructure.simulated_cloud.schema.published import UNORDERED, change_kind, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

CACHE_POLICY_TYPE: Final = "aws:cloudfront/cachePolicy:CachePolicy"
DISTRIBUTION_TYPE: Final = "aws:cloudfront/distribution:Distribution"
EDGE_FUNCTION_TYPE: Final = "aws:cloudfront/function:Function"
ACCESS_CONTROL_TYPE: Final = "aws:cloudfront/originAccessControl:OriginAccessControl"
HEADERS_POLICY_TYPE: Final = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
WEB_ACL_TYPE: Final = "aws:wafv2/webAcl:WebAcl"
CERTIFICATE_TYPE: Final = "aws:acm/certificate:Certificate"

_HOME_REGION: Final = "us-east-1"
_CLOUDFRONT_ZONE: Final = "Z2FDTNDATAQYW2"  # Route 53's id of every distribution's zone: the reference of AliasTarget
_MANAGED_CACHE_POLICIES: Final = (  # CloudFront's guide, "Use managed cache policies"
    "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
    "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
)


def _distribution_id(facts: RequestFacts) -> str:
    return f"E{str(facts['large17'])[:13]}"


def _distribution_arn(facts: RequestFacts) -> str:
    return f"arn:aws:cloudfront::{facts['account']}:distribution/{_distribution_id(facts)}"


def _distribution_host(facts: RequestFacts) -> str:
    return f"d{hex_suffix(facts['large17'], 13)}.cloudfront.net"


def _access_control_id(facts: RequestFacts) -> str:
    return f"E{str(facts['large17'])[:13]}"


def _names_no_origin(context: GuardContext) -> bool:
    known = {origin.get("originId") for origin in context.facts["origins"] or ()}
    return (context.facts["defaultCacheBehavior"] or {}).get("targetOriginId") not in known


def _has_alias_without_certificate(context: GuardContext) -> bool:
    certificate: dict[str, Any] = context.facts["viewerCertificate"] or {}
    return bool(context.facts["aliases"]) and not (
        certificate.get("acmCertificateArn") or certificate.get("iamCertificateId")
    )


def _uses_certificate_of_other_region(context: GuardContext) -> bool:
    arn = str((context.facts["viewerCertificate"] or {}).get("acmCertificateArn") or "")
    return arn.startswith("arn:aws:acm:") and arn.split(":")[3] != _HOME_REGION


def _repeats_alias(context: GuardContext) -> bool:
    """Whether another distribution has one of the aliases; of all accounts, of which this one is simulated."""
    own = {*(context.facts["aliases"] or ())}
    return any(own & {*(row.get("aliases") or ())} for row in context.resources_of(DISTRIBUTION_TYPE))


def _is_outside_of_home_region(context: GuardContext) -> bool:
    return bool(context.facts["scope"] == "CLOUDFRONT" and context.facts["region"] != _HOME_REGION)


def _repeats_priority(context: GuardContext) -> bool:
    priorities = [rule.get("priority") for rule in context.facts["rules"] or ()]
    return len(priorities) != len({*priorities})


def _in_use(code: str, noun: str) -> Refusal:
    return Refusal(code, f"Cannot delete the {noun} because it is attached to one or more distributions.", 409)


def _used(path: str, type_: str, code: str, noun: str, pattern: str = "", handle: str = "{value}") -> ResourceReference:
    """Return the reference of a distribution to what cannot be deleted while it has it."""
    refusal = Refusal(code, f"The specified {noun} does not exist.", 404)
    return ResourceReference(path, (type_,), refusal, API, pattern=pattern, handle=handle, on_delete=OnDelete.REFUSE)


_MANAGED: Final = "|".join(_MANAGED_CACHE_POLICIES)
_BEHAVIOUR: Final = "defaultCacheBehavior"

DISTRIBUTION_TYPES: Final[dict[str, TypeRule]] = {
    CACHE_POLICY_TYPE: AwsType(CACHE_POLICY_TYPE, "{uuid}", name_input="name").rule(
        computed={"etag": "E{small10}"},
        exists=Refusal("CachePolicyAlreadyExists", "A cache policy with the same name already exists: {name}", 409),
        in_use_refusal=_in_use("CachePolicyInUse", "cache policy"),
    ),
    HEADERS_POLICY_TYPE: AwsType(HEADERS_POLICY_TYPE, "{uuid}", name_input="name").rule(
        computed={"etag": "E{small10}"},
        exists=Refusal(
            "ResponseHeadersPolicyAlreadyExists",
            "A response headers policy with the same name already exists: {name}",
            409,
        ),
        in_use_refusal=_in_use("ResponseHeadersPolicyInUse", "response headers policy"),
    ),
    ACCESS_CONTROL_TYPE: AwsType(ACCESS_CONTROL_TYPE, _access_control_id, name_input="name").rule(
        computed={"etag": "E{small10}"},
        exists=Refusal(
            "OriginAccessControlAlreadyExists",
            "An origin access control with the same name already exists: {name}",
            409,
        ),
        in_use_refusal=_in_use("OriginAccessControlInUse", "origin access control"),
    ),
    EDGE_FUNCTION_TYPE: AwsType(EDGE_FUNCTION_TYPE, "{name}", arn="arn:aws:cloudfront::{account}:function/{name}").rule(
        computed={"etag": "E{small10}", "liveStageEtag": "E{small10}", "status": "UNASSOCIATED"},
        exists=Refusal("FunctionAlreadyExists", "A function with the name {name} already exists.", 409),
        in_use_refusal=_in_use("FunctionInUse", "function"),
    ),
    DISTRIBUTION_TYPE: AwsType(DISTRIBUTION_TYPE, _distribution_id, name_input="").rule(
        {
            "aliases": UNORDERED,
            f"{_BEHAVIOUR}.allowedMethods": UNORDERED,
            f"{_BEHAVIOUR}.cachedMethods": UNORDERED,
            "restrictions.geoRestriction.locations": change_kind(ValueKind.SET, computed_default=True),
        },
        computed={
            "arn": _distribution_arn,
            "domainName": _distribution_host,
            "hostedZoneId": _CLOUDFRONT_ZONE,
            "callerReference": "terraform-{uuid}",
            "etag": "E{small10}",
            "status": "Deployed",
            "lastModifiedTime": "{now}",
            "trustedKeyGroups": lambda _: [{"enabled": False, "items": []}],
            "trustedSigners": lambda _: [{"enabled": False, "items": []}],
        },
        references=(
            _used("webAclId", WEB_ACL_TYPE, "InvalidWebACLId", "web ACL", r"^(arn:.+)$"),
            _used("viewerCertificate.acmCertificateArn", CERTIFICATE_TYPE, "InvalidViewerCertificate", "certificate"),
            _used(
                f"{_BEHAVIOUR}.cachePolicyId",
                CACHE_POLICY_TYPE,
                "NoSuchCachePolicy",
                "cache policy",
                rf"^((?!{_MANAGED}).+)$",
            ),
            _used(
                f"{_BEHAVIOUR}.responseHeadersPolicyId",
                HEADERS_POLICY_TYPE,
                "NoSuchResponseHeadersPolicy",
                "response headers policy",
            ),
            _used(
                "origins.*.originAccessControlId",
                ACCESS_CONTROL_TYPE,
                "InvalidOriginAccessControl",
                "origin access control",
            ),
            _used(
                f"{_BEHAVIOUR}.functionAssociations.*.functionArn",
                EDGE_FUNCTION_TYPE,
                "InvalidFunctionAssociation",
                "function",
            ),
        ),
        guards=(
            RequestGuard(
                _names_no_origin,
                Refusal("NoSuchOrigin", "No origin exists with the specified Origin Id.", 404),
                API,
            ),
            RequestGuard(
                _has_alias_without_certificate,
                Refusal(
                    "InvalidViewerCertificate",
                    "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted "
                    "certificate that validates your authorization to use the domain name.",
                ),
                DOC,
            ),
            RequestGuard(
                _uses_certificate_of_other_region,
                Refusal(
                    "InvalidViewerCertificate",
                    "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't "
                    "include a valid certificate chain.",
                ),
                DOC,
            ),
            RequestGuard(
                _repeats_alias,
                Refusal(
                    "CNAMEAlreadyExists",
                    "One or more of the CNAMEs you provided are already associated with a different resource.",
                    409,
                ),
                API,
                on_update=False,
            ),
        ),
        latency_seconds=240,
    ),
    WEB_ACL_TYPE: AwsType(
        WEB_ACL_TYPE, "{uuid}", arn="arn:aws:wafv2:{region}:{account}:global/webacl/{name}/{uuid}"
    ).rule(
        {"scope": refine(OneOf(("CLOUDFRONT",), API))},  # no program makes one for a region, whose ARN is another
        computed={"capacity": lambda _: 0, "lockToken": "{uuid}", "applicationIntegrationUrl": ""},
        account_wide=True,  # all for CloudFront are in one region
        exists=Refusal(
            "WAFDuplicateItemException",
            "AWS WAF couldn't perform the operation because some resource in your request is a duplicate of an "
            "existing one.",
        ),
        in_use_refusal=Refusal(
            "WAFAssociatedItemException",
            "AWS WAF couldn't perform the operation because your resource is being used by another resource or it's "
            "associated with another resource.",
        ),
        guards=(
            RequestGuard(
                _is_outside_of_home_region,
                Refusal(
                    "WAFInvalidParameterException",
                    "Error reason: The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT",
                ),
                DOC,
            ),
            RequestGuard(
                _repeats_priority,
                Refusal(
                    "WAFInvalidParameterException",
                    "Error reason: Your rules have the same priority., field: RULE, parameter: Priority",
                ),
                API,
            ),
        ),
    ),
}

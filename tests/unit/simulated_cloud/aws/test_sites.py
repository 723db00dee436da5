"""What CloudFront, WAF, Route 53 and Certificate Manager refuse, and what they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource

_DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
_RECORD = "aws:route53/record:Record"
_ACL = "aws:wafv2/webAcl:WebAcl"
_CERTIFICATE = "aws:acm/certificate:Certificate"
Refused = Callable[..., CloudRefusal]
World = dict[str, CreatedResource]


class TestDistribution:
    def test_has_an_address_and_a_zone_that_records_name(self, world: World) -> None:
        outputs = world[_DISTRIBUTION].outputs

        assert outputs["domainName"].endswith(".cloudfront.net")
        assert outputs["hostedZoneId"] == "Z2FDTNDATAQYW2"
        assert outputs["arn"].endswith(f":distribution/{world[_DISTRIBUTION].id}")

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"aliases": ["app.semantest.com"]}, "InvalidViewerCertificate"),
            ({"origins": [{"originId": "other", "domainName": "x.s3.amazonaws.com"}]}, "NoSuchOrigin"),
            ({"webAclId": "arn:aws:wafv2:us-east-1:1:global/webacl/none/x"}, "InvalidWebACLId"),
        ],
    )
    def test_that_does_not_fit_is_refused(self, refused: Refused, changes: dict[str, Any], code: str) -> None:
        assert refused(_DISTRIBUTION, **changes).code == code

    def test_takes_a_certificate_of_us_east_1_alone(self, refused: Refused, make: Callable[..., Any]) -> None:
        elsewhere = make(_CERTIFICATE, region="eu-west-1").outputs["arn"]
        certificate = {"acmCertificateArn": elsewhere, "sslSupportMethod": "sni-only"}

        assert refused(_DISTRIBUTION, viewerCertificate=certificate).code == "InvalidViewerCertificate"

    @pytest.mark.parametrize(
        ("type_", "code"),
        [
            ("aws:cloudfront/cachePolicy:CachePolicy", "CachePolicyInUse"),
            ("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", "ResponseHeadersPolicyInUse"),
            ("aws:cloudfront/originAccessControl:OriginAccessControl", "OriginAccessControlInUse"),
            ("aws:cloudfront/function:Function", "FunctionInUse"),
            (_ACL, "WAFAssociatedItemException"),
        ],
    )
    def test_holds_what_it_uses(self, cloud: SimulatedCloud, world: World, type_: str, code: str) -> None:
        with pytest.raises(CloudRefusal) as refusal:
            cloud.delete(type_, world[type_].id)

        assert refusal.value.code == code


class TestWebAcl:
    def test_of_cloudfront_lies_in_us_east_1(self, refused: Refused) -> None:
        assert refused(_ACL, name="another", region="eu-west-1").code == "WAFInvalidParameterException"

    def test_has_an_arn_of_no_region_that_is_global(self, world: World) -> None:
        assert ":us-east-1:" in world[_ACL].outputs["arn"]
        assert ":global/webacl/firewall/" in world[_ACL].outputs["arn"]


class TestRecord:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"name": "semantest.com"}, "InvalidChangeBatch"),
            ({"name": "www.example.org."}, "InvalidChangeBatch"),
            ({}, "InvalidChangeBatch"),
            ({"name": "other.semantest.com", "records": None}, "InvalidInput"),
            ({"name": "other.semantest.com", "zoneId": "ZNONE"}, "NoSuchHostedZone"),
        ],
        ids=["alias at the apex", "other domain", "twice", "nothing", "no zone"],
    )
    def test_that_does_not_fit_is_refused(self, refused: Refused, changes: dict[str, Any], code: str) -> None:
        assert refused(_RECORD, **changes).code == code

    def test_has_its_whole_name(self, make: Callable[..., CreatedResource]) -> None:
        assert make(_RECORD, name="other").outputs["fqdn"] == "other.semantest.com"


class TestCertificate:
    def test_says_which_record_proves_whose_the_domain_is(self, world: World) -> None:
        (proof,) = world[_CERTIFICATE].outputs["domainValidationOptions"]

        assert proof["domainName"] == "app.semantest.com"
        assert proof["resourceRecordName"].endswith(".app.semantest.com.")
        assert proof["resourceRecordType"] == "CNAME"

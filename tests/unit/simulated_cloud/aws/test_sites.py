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
_API_DOMAIN = "aws:apigatewayv2/domainName:DomainName"
_MAPPING = "aws:apigatewayv2/apiMapping:ApiMapping"
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


class TestApiDomain:
    def test_has_a_host_that_records_name(self, world: World) -> None:
        configuration = world[_API_DOMAIN].outputs["domainNameConfiguration"]

        assert configuration["targetDomainName"].endswith(".execute-api.us-east-1.amazonaws.com")
        assert configuration["hostedZoneId"].startswith("Z")

    def test_needs_a_certificate_of_its_own_that_is_issued(self, refused: Refused, make: Callable[..., Any]) -> None:
        pending = make(_CERTIFICATE, domainName="api.semantest.com").outputs["arn"]
        configuration = {"certificateArn": pending, "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2"}

        waiting = refused(_API_DOMAIN, domainName="api.semantest.com", domainNameConfiguration=configuration)
        make("aws:acm/certificateValidation:CertificateValidation", certificateArn=pending)
        other = refused(_API_DOMAIN, domainName="www.semantest.com", domainNameConfiguration=configuration)

        assert ("PENDING_VALIDATION" in waiting.message, "does not cover" in other.message) == (True, True)

    def test_is_there_once_in_a_region(self, refused: Refused) -> None:
        assert refused(_API_DOMAIN).code == "ConflictException"

    def test_leads_to_a_stage_that_stays(self, cloud: SimulatedCloud, world: World, refused: Refused) -> None:
        assert (
            refused(_MAPPING, stage="none").code == refused(_MAPPING, domainName="none.org").code == "NotFoundException"
        )
        with pytest.raises(CloudRefusal, match="remove all base path mappings"):
            cloud.delete("aws:apigatewayv2/stage:Stage", world["aws:apigatewayv2/stage:Stage"].id)

    def test_leads_to_web_sockets_or_to_others(self, make: Callable[..., Any], refused: Refused) -> None:
        routes = {"protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.type"}
        api = make("aws:apigatewayv2/api:Api", name="sockets", corsConfiguration=None, **routes).id
        make("aws:apigatewayv2/stage:Stage", name="live", apiId=api, accessLogSettings=None)

        assert "WebSocket" in refused(_MAPPING, apiId=api, stage="live").message


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

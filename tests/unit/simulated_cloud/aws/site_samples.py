"""Valid samples of what delivers static sites on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CreatedResource

Sample = Callable[[dict[str, CreatedResource]], dict[str, Any]]

_METRICS = {"cloudwatchMetricsEnabled": True, "metricName": "Firewall", "sampledRequestsEnabled": True}
_NOTHING_TELLS_APART = {
    "cookiesConfig": {"cookieBehavior": "none"},
    "headersConfig": {"headerBehavior": "none"},
    "queryStringsConfig": {"queryStringBehavior": "none"},
}


def _behaviour(world: dict[str, CreatedResource]) -> dict[str, Any]:
    function = {
        "eventType": "viewer-request",
        "functionArn": world["aws:cloudfront/function:Function"].outputs["arn"],
    }
    return {
        "targetOriginId": "site",
        "viewerProtocolPolicy": "redirect-to-https",
        "allowedMethods": ["GET", "HEAD"],
        "cachedMethods": ["GET", "HEAD"],
        "cachePolicyId": world["aws:cloudfront/cachePolicy:CachePolicy"].id,
        "responseHeadersPolicyId": world["aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"].id,
        "functionAssociations": [function],
    }


AWS_SITE_SAMPLES: Mapping[str, Sample] = {
    "aws:s3/bucketObjectv2:BucketObjectv2": lambda world: {
        "bucket": world["aws:s3/bucket:Bucket"].id,
        "key": "index.html",
        "content": "<title>Semantest</title>",
        "contentType": "text/html; charset=utf-8",
    },
    "aws:acm/certificate:Certificate": lambda _: {"domainName": "app.semantest.com", "validationMethod": "DNS"},
    "aws:acm/certificateValidation:CertificateValidation": lambda world: {
        "certificateArn": world["aws:acm/certificate:Certificate"].outputs["arn"]
    },
    "aws:apigatewayv2/domainName:DomainName": lambda world: {
        "domainName": "app.semantest.com",
        "domainNameConfiguration": {
            "certificateArn": world["aws:acm/certificateValidation:CertificateValidation"].outputs["certificateArn"],
            "endpointType": "REGIONAL",
            "securityPolicy": "TLS_1_2",
        },
    },
    "aws:apigatewayv2/apiMapping:ApiMapping": lambda world: {
        "apiId": world["aws:apigatewayv2/api:Api"].id,
        "domainName": world["aws:apigatewayv2/domainName:DomainName"].id,
        "stage": world["aws:apigatewayv2/stage:Stage"].id,
    },
    "aws:route53/zone:Zone": lambda _: {"name": "semantest.com"},
    "aws:route53/record:Record": lambda world: {
        "zoneId": world["aws:route53/zone:Zone"].outputs["zoneId"],
        "name": "www.semantest.com",
        "type": "CNAME",
        "ttl": 300,
        "records": ["app.semantest.com"],
    },
    "aws:wafv2/webAcl:WebAcl": lambda _: {
        "name": "firewall",
        "region": "us-east-1",
        "scope": "CLOUDFRONT",
        "defaultAction": {"allow": {}},
        "visibilityConfig": _METRICS,
    },
    "aws:cloudfront/cachePolicy:CachePolicy": lambda _: {
        "name": "pages",
        "minTtl": 0,
        "parametersInCacheKeyAndForwardedToOrigin": _NOTHING_TELLS_APART,
    },
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": lambda _: {
        "name": "headers",
        "securityHeadersConfig": {"contentTypeOptions": {"override": True}},
    },
    "aws:cloudfront/originAccessControl:OriginAccessControl": lambda _: {
        "name": "bucket",
        "originAccessControlOriginType": "s3",
        "signingBehavior": "always",
        "signingProtocol": "sigv4",
    },
    "aws:cloudfront/function:Function": lambda _: {
        "name": "index",
        "runtime": "cloudfront-js-2.0",
        "code": "function handler(event) { return event.request; }",
    },
    "aws:cloudfront/distribution:Distribution": lambda world: {
        "enabled": True,
        "origins": [
            {
                "originId": "site",
                "domainName": world["aws:s3/bucket:Bucket"].outputs["bucketRegionalDomainName"],
                "originAccessControlId": world["aws:cloudfront/originAccessControl:OriginAccessControl"].id,
            }
        ],
        "defaultCacheBehavior": _behaviour(world),
        "restrictions": {"geoRestriction": {"restrictionType": "none"}},
        "viewerCertificate": {"cloudfrontDefaultCertificate": True},
        "webAclId": world["aws:wafv2/webAcl:WebAcl"].outputs["arn"],
    },
}

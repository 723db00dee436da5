"""Domains of APIs and what leads from them to a stage, and what API Gateway refuses of them.

Source of what is `OBSERVED`: answers of API Gateway in public reports (a domain that exists, a stage that is mapped).
"""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.gateway_stages import STAGE_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.gateways import API_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.platform.rest_apis import REST_API_TYPE, REST_STAGE_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.aws.sites.distributions import CERTIFICATE_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.sites.domains import CERTIFICATE_VALIDATION_TYPE
from semantest_iac.infrastructure.simulated_cloud.runtime.naming import hex_suffix
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, DOC, Length, OneOf
from semantest_iac.infrastructure.simulated_cloud.schema.published import refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

API_DOMAIN_TYPE: Final = "aws:apigatewayv2/domainName:DomainName"
API_MAPPING_TYPE: Final = "aws:apigatewayv2/apiMapping:ApiMapping"

_BAD_REQUEST, _NOT_FOUND, _CONFLICT = "BadRequestException", "NotFoundException", "ConflictException"


def _configuration(facts: RequestFacts) -> dict[str, Any]:
    """Return the configuration with the host that the domain's record must name, and the zone of an alias to it."""
    host = f"d-{facts['small10']}.execute-api.{facts['region']}.amazonaws.com"
    zone = f"Z{hex_suffix(facts['region'], 13).upper()}"
    known = {"ipAddressType": "ipv4", **(facts["domainNameConfiguration"] or {})}
    return {**known, "targetDomainName": host, "hostedZoneId": zone}


def _lacks_issued_certificate(context: GuardContext) -> bool:
    """ACM issues a certificate once the record that it asks for is found, which is what a validation waits for."""
    arn = (context.facts["domainNameConfiguration"] or {}).get("certificateArn")
    return not any(it["certificateArn"] == arn for it in context.resources_of(CERTIFICATE_VALIDATION_TYPE))


def _has_certificate_of_other_domain(context: GuardContext) -> bool:
    certificate = context.facts["certificate"] or {}
    names = (certificate.get("domainName"), *(certificate.get("subjectAlternativeNames") or ()))
    domain = str(context.facts["domainName"])
    return bool(certificate) and not {domain, f"*.{domain.partition('.')[2]}"} & {*names}


def _is_websocket_beside_others(context: GuardContext) -> bool:
    """A domain leads to WebSocket APIs, or to others: API Gateway's guide, API mappings, restrictions."""
    facts = context.facts
    own = (facts["api"] or {}).get("protocolType") == "WEBSOCKET"
    kinds = {it["id"]: it["protocolType"] for it in context.resources_of(API_TYPE)}
    others = [it for it in context.resources_of(API_MAPPING_TYPE) if it["domainName"] == facts["domainName"]]
    return any((kinds.get(it["apiId"]) == "WEBSOCKET") is not own for it in others if it["apiId"] != facts["apiId"])


API_DOMAIN_TYPES: Final[dict[str, TypeRule]] = {
    API_DOMAIN_TYPE: AwsType(API_DOMAIN_TYPE).rule(
        {
            "domainName": refine(Length(1, 512, API), force_new=True),
            "domainNameConfiguration.endpointType": refine(OneOf(("REGIONAL",), DOC)),
            "domainNameConfiguration.securityPolicy": refine(OneOf(("TLS_1_2",), DOC)),
        },
        computed={
            "apiMappingSelectionExpression": "$request.basepath",
            "routingMode": "API_MAPPING_ONLY",
        },
        rendered={"domainNameConfiguration": _configuration},
        exists=Refusal(_CONFLICT, "The domain name you provided already exists.", 409),
        references=(
            ResourceReference(
                "domainNameConfiguration.certificateArn",
                (CERTIFICATE_TYPE,),
                Refusal(_BAD_REQUEST, "The provided certificate does not exist: {value}"),
                API,
                fact_name="certificate",
                on_delete=OnDelete.REFUSE,
            ),
        ),
        guards=(
            RequestGuard(
                _lacks_issued_certificate,
                Refusal(
                    _BAD_REQUEST, "The certificate of {domainName} is not issued: its status is PENDING_VALIDATION"
                ),
                DOC,
            ),
            RequestGuard(
                _has_certificate_of_other_domain,
                Refusal(_BAD_REQUEST, "The certificate does not cover the domain name {domainName}"),
                DOC,
            ),
        ),
        latency_seconds=30,
    ),
    API_MAPPING_TYPE: AwsType(API_MAPPING_TYPE, "{small7}").rule(
        {"domainName": refine(force_new=True)},
        computed={"apiMappingKey": ""},
        references=(
            ResourceReference(
                "apiId",
                (API_TYPE, REST_API_TYPE),
                Refusal(_NOT_FOUND, "Invalid API identifier specified {account}:{value}", 404),
                API,
                fact_name="api",
            ),
            ResourceReference(
                "stage",
                (STAGE_TYPE, REST_STAGE_TYPE),
                Refusal(_NOT_FOUND, "Invalid stage identifier specified", 404),
                API,
                handle="{apiId}/{value}",
                on_delete=OnDelete.REFUSE,
            ),
            ResourceReference(
                "domainName",
                (API_DOMAIN_TYPE,),
                Refusal(_NOT_FOUND, "Invalid domain name identifier specified", 404),
                API,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        guards=(
            RequestGuard(
                _is_websocket_beside_others,
                Refusal(_BAD_REQUEST, "Only WebSocket APIs can be mapped to a domain name with WebSocket APIs"),
                DOC,
            ),
        ),
        latency_seconds=2,
    ),
}

"""Domains of HTTP, WebSocket and REST APIs on API Gateway.

One kind of mapping leads to a stage of each of them (its guide, "Use API mappings", for domains with TLS 1.2).
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.custom_domains import CustomDomain
from semantest_iac.infrastructure.cloud_programs.aws.sites.domains import (
    DomainPlace,
    create_address_records,
    read_proof,
    request_certificate,
    wait_for_certificate,
)
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext


def create_custom_domain(domain: CustomDomain, context: ProgramContext) -> Outputs:
    """Create the certificate, and what leads from the domain to the API once the certificate can be issued.

    A domain is deleted before another takes its place, as its records are, so that a failure can go back to it.
    """
    zone = context.outputs[domain.zone]["id"] if domain.zone else None
    place = DomainPlace(domain.name, domain.domain, zone)
    certificate = request_certificate(place, context)
    if zone is None and not domain.has_records:
        return {"id": certificate.arn, "records": [read_proof(certificate)]}
    api = context.outputs[domain.api]
    name = aws.apigatewayv2.DomainName(
        domain.name,
        domain_name=domain.domain,
        domain_name_configuration={
            "certificate_arn": wait_for_certificate(place, certificate, context),
            "endpoint_type": "REGIONAL",
            "security_policy": "TLS_1_2",
        },
        tags=context.tags,
        opts=context.options(delete_before_replace=True),
    )
    aws.apigatewayv2.ApiMapping(
        domain.name,
        api_id=api["id"],
        stage=api["stage"],
        domain_name=name.domain_name,
        opts=context.options(delete_before_replace=True),
    )
    target = name.domain_name_configuration.target_domain_name
    scheme = "wss" if api.get("protocol") == "WEBSOCKET" else "https"
    outputs = {"id": name.arn, "url": pulumi.Output.concat(scheme, "://", name.domain_name)}
    if zone is None:
        address = pulumi.Output.concat(domain.domain, " CNAME ", target)
        return {**outputs, "records": [read_proof(certificate), address]}
    create_address_records(place, target, name.domain_name_configuration.hosted_zone_id, context, ("A",))
    return outputs

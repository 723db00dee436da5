"""Hosted zones of Route 53, the certificate of a site's domain, and the records of its address.

A certificate for CloudFront must lie in us-east-1 (CloudFront's guide, "Requirements for using SSL/TLS certificates").
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.sites import ContentDelivery, DnsZone
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

CLOUDFRONT_REGION = "us-east-1"
_VALIDATION_TTL_S = 300
_VALIDATION_TIMEOUT = "60m"  # a new zone answers only once its registrar names its servers


def create_dns_zone(zone: DnsZone, context: ProgramContext) -> Outputs:
    """Create a public zone; a destroy, which asks before it loses data, deletes records of others with it."""
    created = aws.route53.Zone(
        zone.name,
        name=zone.zone,
        comment=str(context.stack),
        force_destroy=True,
        tags=context.tags,
        opts=context.options(),
    )
    return {"id": created.zone_id, "name": created.name, "name_servers": created.name_servers}


def issue_certificate(delivery: ContentDelivery, context: ProgramContext) -> pulumi.Output[str]:
    """Create the certificate of the domain, with the record that proves whose it is; returns the ARN once issued."""
    certificate = aws.acm.Certificate(
        delivery.name,
        region=CLOUDFRONT_REGION,
        domain_name=delivery.domain,
        validation_method="DNS",
        tags=context.tags,
        opts=context.options(),
    )
    proof = certificate.domain_validation_options.apply(lambda options: options[0] if options else None)
    record = aws.route53.Record(
        f"{delivery.name}-certificate",
        zone_id=context.outputs[_zone_of(delivery)]["id"],
        name=proof.apply(lambda it: it.resource_record_name if it else ""),
        type=proof.apply(lambda it: it.resource_record_type if it else "CNAME"),
        records=[proof.apply(lambda it: it.resource_record_value if it else "")],
        ttl=_VALIDATION_TTL_S,
        allow_overwrite=True,  # it is the same for every certificate of the domain
        opts=context.options(),
    )
    validation = aws.acm.CertificateValidation(
        delivery.name,
        region=CLOUDFRONT_REGION,
        certificate_arn=certificate.arn,
        validation_record_fqdns=[record.fqdn],
        opts=context.options(custom_timeouts=pulumi.CustomTimeouts(create=_VALIDATION_TIMEOUT)),
    )
    arn: pulumi.Output[str] = validation.certificate_arn
    return arn


def create_address_records(
    delivery: ContentDelivery, host: pulumi.Input[str], zone: pulumi.Input[str], context: ProgramContext
) -> None:
    """Point the domain to the distribution, in both versions of IP."""
    for kind in ("A", "AAAA"):
        aws.route53.Record(
            f"{delivery.name}-{kind.lower()}",
            zone_id=context.outputs[_zone_of(delivery)]["id"],
            name=delivery.domain,
            type=kind,
            aliases=[{"name": host, "zone_id": zone, "evaluate_target_health": False}],
            opts=context.options(),
        )


def _zone_of(delivery: ContentDelivery) -> str:
    """Return the zone of the domain; the table of what AWS lacks refuses a domain without one."""
    if delivery.zone is None:
        raise ValueError(f"'{delivery.domain}' has no zone.")
    return delivery.zone

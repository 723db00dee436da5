"""Hosted zones of Route 53, certificates, and the records that prove whose a domain is and that lead to its address.

A certificate for CloudFront must lie in us-east-1 (CloudFront's guide, "Requirements for using SSL/TLS certificates"),
one for a regional domain of API Gateway in the region of the API (its guide, "Set up a Regional custom domain name").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.custom_domains import DnsZone
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

CLOUDFRONT_REGION = "us-east-1"
_VALIDATION_TTL_S = 300
_VALIDATION_TIMEOUT = "60m"  # a new zone answers only once its registrar names its servers


@dataclass(frozen=True, slots=True)
class DomainPlace:
    """A domain whose records are in a hosted zone, with the name of the resource that it belongs to.

    Without a `zone` a person sets them. `region` is that of the certificate, the stack's own without one.
    """

    name: str
    domain: str
    zone: pulumi.Input[str] | None
    region: str | None = None


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


def request_certificate(place: DomainPlace, context: ProgramContext) -> aws.acm.Certificate:
    """Request the certificate of the domain, which is issued once a record proves whose the domain is."""
    return aws.acm.Certificate(
        place.name,
        region=place.region,
        domain_name=place.domain,
        validation_method="DNS",
        tags=context.tags,
        opts=context.options(),
    )


def read_proof(certificate: aws.acm.Certificate) -> pulumi.Output[str]:
    """Return the record that proves whose the domain is, as a person sets it."""

    def describe(options: Sequence[Any]) -> str:
        it = options[0] if options else None
        parts = (it.resource_record_name, it.resource_record_type, it.resource_record_value) if it else ()
        return " ".join(part.rstrip(".") for part in parts)

    record: pulumi.Output[str] = certificate.domain_validation_options.apply(describe)
    return record


def wait_for_certificate(
    place: DomainPlace, certificate: aws.acm.Certificate, context: ProgramContext
) -> pulumi.Output[str]:
    """Create the record in the zone, if there is one, and return the ARN of the certificate once it is issued."""
    fqdns = [_create_proof(place, certificate, context).fqdn] if place.zone is not None else None
    validation = aws.acm.CertificateValidation(
        place.name,
        region=place.region,
        certificate_arn=certificate.arn,
        validation_record_fqdns=fqdns,
        opts=context.options(custom_timeouts=pulumi.CustomTimeouts(create=_VALIDATION_TIMEOUT)),
    )
    arn: pulumi.Output[str] = validation.certificate_arn
    return arn


def _create_proof(place: DomainPlace, certificate: aws.acm.Certificate, context: ProgramContext) -> aws.route53.Record:
    proof = certificate.domain_validation_options.apply(lambda options: options[0] if options else None)
    return aws.route53.Record(
        f"{place.name}-certificate",
        zone_id=place.zone,
        name=proof.apply(lambda it: it.resource_record_name if it else ""),
        type=proof.apply(lambda it: it.resource_record_type if it else "CNAME"),
        records=[proof.apply(lambda it: it.resource_record_value if it else "")],
        ttl=_VALIDATION_TTL_S,
        allow_overwrite=True,  # it is the same for every certificate of the domain
        opts=context.options(delete_before_replace=True),  # see create_address_records
    )


def create_address_records(
    place: DomainPlace,
    host: pulumi.Input[str],
    host_zone: pulumi.Input[str],
    context: ProgramContext,
    kinds: Sequence[str] = ("A", "AAAA"),
) -> None:
    """Point the domain to a host of AWS, by default in both versions of IP; an apex takes such records, too.

    A record is deleted before another takes its place: one that waited for its deletion would be in the way of going
    back to its name after a failure.
    """
    for kind in kinds:
        aws.route53.Record(
            f"{place.name}-{kind.lower()}",
            zone_id=place.zone,
            name=place.domain,
            type=kind,
            aliases=[{"name": host, "zone_id": host_zone, "evaluate_target_health": False}],
            opts=context.options(delete_before_replace=True),
        )

"""Hosted zones with their records, certificates, and the objects of a site.

Source of what is `API`: the references of Route 53 (ChangeResourceRecordSets, CreateHostedZone) and of Certificate
Manager (DescribeCertificate). Nobody validates a certificate here: DNS is outside of the simulation.
"""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.aws.sites.distributions import CERTIFICATE_TYPE
from semantest_iac.infrastructure.simulated_cloud.runtime.naming import hex_suffix
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, Length, Range
from semantest_iac.infrastructure.simulated_cloud.schema.published import UNORDERED, refine
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

CERTIFICATE_VALIDATION_TYPE: Final = "aws:acm/certificateValidation:CertificateValidation"
HOSTED_ZONE_TYPE: Final = "aws:route53/zone:Zone"
RECORD_TYPE: Final = "aws:route53/record:Record"
OBJECT_TYPE: Final = "aws:s3/bucketObjectv2:BucketObjectv2"


def _zone_id(facts: RequestFacts) -> str:
    return f"Z{str(facts['large17'])[:13]}"


def _zone_arn(facts: RequestFacts) -> str:
    return f"arn:aws:route53:::hostedzone/{_zone_id(facts)}"


def _name_servers(facts: RequestFacts) -> list[str]:
    """Return four servers in four top-level domains, as Route 53 gives them."""
    place = int(hex_suffix(facts["large17"], 2), 16)
    return [
        f"ns-{place + 512 * at}.awsdns-{place % 64:02}.{top}" for at, top in enumerate(("com", "net", "org", "co.uk"))
    ]


def _domain_validations(facts: RequestFacts) -> list[dict[str, str]]:
    """Return the record that shows who the domain belongs to, for each name of a certificate.

    It is the same for all certificates of a name in an account: ACM's guide, DNS validation.
    """
    names = dict.fromkeys((facts["domainName"], *(facts["subjectAlternativeNames"] or ())))
    return [
        {
            "domainName": name,
            "resourceRecordName": f"_{hex_suffix(name, 32)}.{str(name).removeprefix('*.')}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{hex_suffix(facts['account'] + str(name), 32)}.acm-validations.aws.",
        }
        for name in names
    ]


def _record_name(facts: RequestFacts) -> str:
    """Return the whole name: one without the zone's is below it."""
    name = str(facts["name"]).rstrip(".").lower()
    zone = str((facts["zone_found"] or {}).get("name", "")).rstrip(".").lower()
    return name if not zone or name == zone or name.endswith(f".{zone}") else f"{name}.{zone}".lstrip(".")


def _is_outside_of_zone(context: GuardContext) -> bool:
    """Whether an alias of the apex or a name with more labels is of another domain than the zone."""
    zone = str((context.facts["zone_found"] or {}).get("name", "")).rstrip(".").lower()
    name = str(context.facts["name"]).lower()
    return bool(zone) and name.endswith(".") and not f".{name.rstrip('.')}".endswith(f".{zone}")


def _is_alias_at_apex(context: GuardContext) -> bool:
    zone = str((context.facts["zone_found"] or {}).get("name", "")).rstrip(".").lower()
    return context.facts["type"] == "CNAME" and _record_name(context.facts) == zone


def _has_no_value(context: GuardContext) -> bool:
    facts: dict[str, Any] = {name: context.facts[name] for name in ("records", "aliases", "ttl")}
    return bool(facts["records"]) == bool(facts["aliases"]) or (bool(facts["records"]) and facts["ttl"] is None)


DOMAIN_TYPES: Final[dict[str, TypeRule]] = {
    CERTIFICATE_TYPE: AwsType(
        CERTIFICATE_TYPE, arn="arn:aws:acm:{region}:{account}:certificate/{uuid}", name_input=""
    ).rule(
        {"domainName": refine(Length(1, 253, API)), "subjectAlternativeNames": UNORDERED},
        computed={
            "domainValidationOptions": _domain_validations,
            "status": "PENDING_VALIDATION",
            "type": "AMAZON_ISSUED",
            "keyAlgorithm": "RSA_2048",
            "renewalEligibility": "INELIGIBLE",
            "options": lambda _: {"certificateTransparencyLoggingPreference": "ENABLED", "export": "DISABLED"},
            "subjectAlternativeNames": lambda facts: [facts["domainName"]],
            "validationMethod": "NONE",
        },
        account_wide=True,  # what distributions use lies in one region, whatever theirs is
        in_use_refusal=Refusal("ResourceInUseException", "The certificate is in use by an AWS resource."),
    ),
    CERTIFICATE_VALIDATION_TYPE: AwsType(CERTIFICATE_VALIDATION_TYPE, "{uuid}", name_input="").rule(
        {
            "certificateArn": refine(force_new=True),
            "validationRecordFqdns": lambda rule: refine(force_new=True)(UNORDERED(rule)),
        },
        references=(
            ResourceReference(
                "certificateArn",
                (CERTIFICATE_TYPE,),
                Refusal("ResourceNotFoundException", "Could not find certificate {value}."),
                API,
                on_delete=OnDelete.ALLOW,
            ),
        ),
        latency_seconds=120,
    ),
    HOSTED_ZONE_TYPE: AwsType(HOSTED_ZONE_TYPE, _zone_id, name_input="").rule(
        {"name": refine(required=True, force_new=True)},
        computed={
            "arn": _zone_arn,
            "zoneId": _zone_id,
            "nameServers": _name_servers,
            "primaryNameServer": lambda facts: _name_servers(facts)[0],
            "comment": "Managed by Pulumi",
        },
        latency_seconds=30,
    ),
    RECORD_TYPE: AwsType(RECORD_TYPE, "{zoneId}_{name}_{type}", name_input="").rule(
        {"ttl": refine(Range(0, 2147483647, API)), "records": UNORDERED, "name": refine(force_new=True)},
        computed={"fqdn": _record_name, "allowOverwrite": lambda _: False},
        references=(
            ResourceReference(
                "zoneId",
                (HOSTED_ZONE_TYPE,),
                Refusal("NoSuchHostedZone", "No hosted zone found with ID: {value}", 404),
                API,
                fact_name="zone_found",
                on_delete=OnDelete.CASCADE,
            ),
        ),
        exists=Refusal(
            "InvalidChangeBatch",
            "Tried to create resource record set [name='{name}.', type='{type}'] but it already exists",
        ),
        guards=(
            RequestGuard(
                _is_outside_of_zone,
                Refusal(
                    "InvalidChangeBatch", "RRSet with DNS name {name} is not permitted in zone {zone_found[name]}."
                ),
                API,
            ),
            RequestGuard(
                _is_alias_at_apex,
                Refusal(
                    "InvalidChangeBatch",
                    "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone_found[name]}.",
                ),
                API,
            ),
            RequestGuard(
                _has_no_value,
                Refusal("InvalidInput", "Invalid request: Expected exactly one of AliasTarget and ResourceRecords."),
                API,
            ),
        ),
        latency_seconds=30,
    ),
    OBJECT_TYPE: AwsType(OBJECT_TYPE, "{bucket}/{key}", arn="arn:aws:s3:::{bucket}/{key}", name_input="").rule(
        {
            "bucket": refine(force_new=True),
            "key": refine(Length(1, 1024, API), required=True, force_new=True),
        },
        computed={
            "acl": "private",
            "bucketKeyEnabled": lambda _: False,
            "contentType": "application/octet-stream",
            "serverSideEncryption": "AES256",
            "storageClass": "STANDARD",
            "etag": "{hex17}",
        },
        create_overwrites=True,
    ),
}

"""Front Door in front of a Static Web App, with its domain and the records of that.

Source: Azure's documentation, "Tutorial: Manually configure Azure Front Door for Azure Static Web Apps", and
"Domains in Azure Front Door".
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import cdn, dns

from semantest_iac.domain.networking.sites import ContentDelivery
from semantest_iac.infrastructure.cloud_programs.azure.foundation import azure_name
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

_RECORD_TTL_S = 3600
_COMPRESSED = (
    *("text/html", "text/css", "text/javascript", "text/plain", "text/xml", "application/javascript"),
    *("application/json", "application/manifest+json", "application/wasm", "application/xml", "image/svg+xml"),
)


def create_content_delivery(delivery: ContentDelivery, context: ProgramContext) -> Outputs:
    """Create the endpoint of Front Door; without a cache the app answers itself, from everywhere and by HTTPS."""
    site = context.outputs[delivery.site]
    if not delivery.caches:
        return {name: site[name] for name in ("id", "arn", "name", "host", "url")}
    of_profile = {"profile_name": site["profile"].name, "resource_group_name": context.outputs[FOUNDATION]["group"]}
    endpoint = cdn.AFDEndpoint(
        delivery.name,
        endpoint_name=azure_name("front endpoint", context, delivery.name),
        location="Global",
        enabled_state="Enabled",
        tags=context.tags,
        opts=context.options(),
        **of_profile,
    )
    domain = _create_domain(delivery, of_profile, context) if delivery.domain else None
    _create_route(delivery, endpoint, domain, of_profile, context)
    if delivery.firewall:
        _protect(delivery, [it for it in (endpoint, domain) if it], of_profile, context)
    records = _create_records(delivery, endpoint, domain, context) if domain else {}
    return {
        "id": endpoint.id,
        "arn": endpoint.id,
        "name": endpoint.name,
        "host": endpoint.host_name,
        "url": pulumi.Output.concat("https://", delivery.domain or endpoint.host_name),
        **records,
    }


def _create_route(
    delivery: ContentDelivery,
    endpoint: cdn.AFDEndpoint,
    domain: cdn.AFDCustomDomain | None,
    of_profile: dict[str, Any],
    context: ProgramContext,
) -> None:
    """Lead all requests to the app, whose own headers say for how long answers are kept."""
    site = context.outputs[delivery.site]
    group = cdn.AFDOriginGroup(
        delivery.name,
        origin_group_name="site",
        load_balancing_settings={"sample_size": 4, "successful_samples_required": 3},
        opts=context.options(),
        **of_profile,
    )
    origin = cdn.AFDOrigin(
        delivery.name,
        origin_name="site",
        origin_group_name=group.name,
        host_name=site["host"],
        origin_host_header=site["host"],
        https_port=443,
        priority=1,
        weight=1000,
        enabled_state="Enabled",
        enforce_certificate_name_check=True,
        opts=context.options(),
        **of_profile,
    )
    compression: Any = {"is_compression_enabled": True, "content_types_to_compress": list(_COMPRESSED)}
    cdn.Route(
        delivery.name,
        route_name="site",
        endpoint_name=endpoint.name,
        origin_group={"id": group.id},
        custom_domains=[{"id": domain.id}] if domain else None,
        patterns_to_match=["/*"],
        supported_protocols=["Http", "Https"],
        https_redirect="Enabled",
        forwarding_protocol="HttpsOnly",
        link_to_default_domain="Enabled",
        enabled_state="Enabled",
        cache_configuration={
            "query_string_caching_behavior": "IgnoreQueryString",
            "compression_settings": compression,
        },
        opts=context.options(depends_on=[origin]),  # a group without one cannot have a route
        **of_profile,
    )


def _protect(
    delivery: ContentDelivery,
    answering: list[cdn.AFDEndpoint | cdn.AFDCustomDomain],
    of_profile: dict[str, Any],
    context: ProgramContext,
) -> None:
    """Put the firewall in front of every address."""
    assert delivery.firewall is not None  # noqa: S101  # the caller has looked
    cdn.SecurityPolicy(
        delivery.name,
        security_policy_name="firewall",
        parameters=cdn.SecurityPolicyWebApplicationFirewallParametersArgs(
            type="WebApplicationFirewall",
            waf_policy={"id": context.outputs[delivery.firewall]["id"]},
            associations=[{"domains": [{"id": it.id} for it in answering], "patterns_to_match": ["/*"]}],
        ),
        opts=context.options(),
        **of_profile,
    )


def _create_domain(
    delivery: ContentDelivery, of_profile: dict[str, Any], context: ProgramContext
) -> cdn.AFDCustomDomain:
    """Create the domain with a certificate that Azure makes once its records say whose it is."""
    zone = context.outputs[delivery.zone]["id"] if delivery.zone else None
    return cdn.AFDCustomDomain(
        delivery.name,
        custom_domain_name=delivery.domain.replace(".", "-"),
        host_name=delivery.domain,
        azure_dns_zone={"id": zone} if zone else None,
        tls_settings={"certificate_type": "ManagedCertificate", "minimum_tls_version": "TLS12"},
        opts=context.options(),
        **of_profile,
    )


def _create_records(
    delivery: ContentDelivery, endpoint: cdn.AFDEndpoint, domain: cdn.AFDCustomDomain, context: ProgramContext
) -> dict[str, Any]:
    """Create the records of the domain in its zone; without one, return what a person has to set."""
    token = domain.validation_properties.apply(lambda it: it.validation_token if it else "")
    if delivery.zone is None:
        address = pulumi.Output.concat(delivery.domain, " CNAME ", endpoint.host_name)
        return {"records": [address, pulumi.Output.concat(f"_dnsauth.{delivery.domain} TXT ", token)]}
    zone = context.outputs[delivery.zone]
    of_zone = {"zone_name": zone["name"], "resource_group_name": context.outputs[FOUNDATION]["group"]}
    place = zone["name"].apply(lambda name: delivery.domain.removesuffix(name).rstrip(".") or "@")
    dns.RecordSet(
        f"{delivery.name}-proof",
        record_type="TXT",
        relative_record_set_name=place.apply(lambda it: "_dnsauth" if it == "@" else f"_dnsauth.{it}"),
        txt_records=[{"value": [token]}],
        ttl=_RECORD_TTL_S,
        opts=context.options(delete_before_replace=True),  # so that a failure can go back to its name
        **of_zone,
    )
    dns.RecordSet(  # an alias, because an apex takes no CNAME
        f"{delivery.name}-address",
        record_type="A",
        relative_record_set_name=place,
        target_resource={"id": endpoint.id},
        ttl=_RECORD_TTL_S,
        opts=context.options(delete_before_replace=True),  # so that a failure can go back to its name
        **of_zone,
    )
    return {}

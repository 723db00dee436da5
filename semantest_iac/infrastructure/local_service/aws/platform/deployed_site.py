"""A site in a bucket behind CloudFront, read from deployed resources.

Sources: CloudFront's guide, "Add or remove HTTP headers in CloudFront responses", "Generate custom error responses" and
the values of `x-cache` in its standard logs; S3's error `NoSuchKey`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.domain.networking.managed_gateways import HeaderRules
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources
from semantest_iac.infrastructure.local_service.sites.rules import (
    CacheStatusHeader,
    ServedFile,
    SitePackages,
    SiteRules,
)
from semantest_iac.infrastructure.package_digests import compute_digest

_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_OBJECT: Final = "aws:s3/bucketObjectv2:BucketObjectv2"
_HEADERS_POLICY: Final = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
_CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # a policy that every account has
_CACHE: Final = CacheStatusHeader("x-cache", "Hit from cloudfront", "Miss from cloudfront")
_XML, _HTML = ("content-type", "application/xml"), ("content-type", "text/html")
_MISSING: Final = HttpResponse(
    404,
    (_XML,),
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>",
)
_REFUSED_METHOD: Final = HttpResponse(
    403, (_HTML,), b"<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD></HTML>"
)
_SECURITY_HEADERS: Final[Mapping[str, tuple[str, str, str]]] = {
    "contentSecurityPolicy": ("content-security-policy", "contentSecurityPolicy", "{}"),
    "contentTypeOptions": ("x-content-type-options", "", "nosniff"),
    "frameOptions": ("x-frame-options", "frameOption", "{}"),
    "referrerPolicy": ("referrer-policy", "referrerPolicy", "{}"),
    "strictTransportSecurity": ("strict-transport-security", "accessControlMaxAgeSec", "max-age={}"),
}
"""By block of a policy, the name of its header, where its value is, and how it is written."""


def read_site_rules(resources: DeployedResources, sources: SitePackages) -> SiteRules | None:
    """Read what a distribution answers; None if the stack has none."""
    distribution = next((it for it in resources if it.type == _DISTRIBUTION), None)
    if distribution is None:
        return None
    behaviour: Mapping[str, Any] = distribution.inputs.get("defaultCacheBehavior") or {}
    pages = dict(_read_error_pages(distribution))
    hosts = (str(distribution.outputs.get("domainName", "")), *(distribution.inputs.get("aliases") or ()))
    return SiteRules(
        dict(_read_files(resources, sources)),
        _MISSING,
        _REFUSED_METHOD,
        single_page=pages.get(200) is not None,
        error_page=pages.get(404, ""),
        has_folder_pages=bool(behaviour.get("functionAssociations")),
        headers=HeaderRules(tuple(_read_headers(resources, str(behaviour.get("responseHeadersPolicyId", ""))))),
        cache=None if behaviour.get("cachePolicyId") == _CACHING_DISABLED else _CACHE,
        origins=tuple(f"https://{host}" for host in hosts if host),
    )


def _read_error_pages(distribution: DeployedResource) -> Iterator[tuple[int, str]]:
    """Yield the page that answers a missing file, by the status that clients receive with it."""
    for page in distribution.inputs.get("customErrorResponses") or ():
        if int(page["errorCode"]) == _MISSING.status and page.get("responsePagePath"):
            yield int(page.get("responseCode") or _MISSING.status), str(page["responsePagePath"]).lstrip("/")


def _read_files(resources: DeployedResources, sources: SitePackages) -> Iterator[tuple[str, ServedFile]]:
    """Yield the files by their keys: texts of their own, and those of packages that have the hash of the object."""
    waiting = {str(it.inputs["key"]): it.inputs for it in resources if it.type == _OBJECT}
    for key, inputs in list(waiting.items()):
        if isinstance(text := inputs.get("content"), str):
            yield key, ServedFile(text.encode(), tuple(_read_object_headers(waiting.pop(key))))
    for folder in sources.list_folders() if waiting else ():
        for key in [it for it, inputs in waiting.items() if _has_hash(folder / it, inputs)]:
            yield key, ServedFile(folder / key, tuple(_read_object_headers(waiting.pop(key))))
        if not waiting:
            return


def _has_hash(file: Path, inputs: Mapping[str, Any]) -> bool:
    return file.is_file() and compute_digest(file) == (inputs.get("source") or {}).get("hash")


def _read_object_headers(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, header in (("contentType", "content-type"), ("cacheControl", "cache-control")):
        if value := inputs.get(name):
            yield header, str(value)


def _read_headers(resources: DeployedResources, policy_id: str) -> Iterator[tuple[str, str]]:
    policy = next((it.inputs for it in resources if it.type == _HEADERS_POLICY and it.id == policy_id), {})
    security: Mapping[str, Any] = policy.get("securityHeadersConfig") or {}
    for block, (header, place, form) in _SECURITY_HEADERS.items():
        if block in security:
            yield header, form.format((security[block] or {}).get(place, ""))
    for item in (policy.get("customHeadersConfig") or {}).get("items") or ():
        yield str(item["header"]).lower(), str(item["value"])

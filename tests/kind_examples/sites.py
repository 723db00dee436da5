"""Examples of static sites and of what delivers them."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.networking.custom_domains import CustomDomain, DnsZone
from semantest_iac.domain.networking.sites import SITE_RUNTIME, ContentDelivery, Geography, StaticSite, WebFirewall
from semantest_iac.domain.resource import Ref
from tests.kind_examples import shared
from tests.kind_examples.example import KindExample

_SITE = StaticSite(name=Ref("site"), single_page=True, variables={"GREETING": "hello"})
_FIREWALL = WebFirewall(name=Ref("web-firewall"))
_ZONE = DnsZone(name=Ref("dns-zone"), zone="semantest.com")
_DOMAIN = CustomDomain(name=Ref("domain"), domain="api.example.org", api=shared.API, zone=Ref("dns-zone"))
_DELIVERY = ContentDelivery(
    name=Ref("delivery"),
    site=Ref("site"),
    firewall=Ref("web-firewall"),
    zone=Ref("dns-zone"),
    domain="app.semantest.com",
    single_page=True,
)

SITE_EXAMPLES = (
    KindExample(
        resource=_SITE,
        changed=replace(_SITE, variables={"GREETING": "welcome"}),
        change=("update",),
        outputs=("id", "name"),
    ),
    KindExample(
        resource=_FIREWALL,
        changed=replace(_FIREWALL, requests_per_address=500),
        change=("update",),
        outputs=("id",),
    ),
    KindExample(
        resource=_ZONE,
        changed=replace(_ZONE, zone="semantest.org"),
        change=("replace",),
        outputs=("id", "name_servers"),
    ),
    KindExample(
        resource=_DOMAIN,
        changed=replace(_DOMAIN, domain="api.semantest.org"),
        change=("replace",),
        needs=(*shared.WHOLE_FUNCTION, shared.HTTP_API, replace(_ZONE, zone="org")),
        outputs=("id", "url"),
    ),
    KindExample(
        resource=replace(_DOMAIN, zone=None),
        changed=replace(_DOMAIN, zone=None, has_records=True),
        change=("create",),
        needs=(*shared.WHOLE_FUNCTION, shared.HTTP_API),
        outputs=("id",),
        label="with records elsewhere",
    ),
    KindExample(
        resource=_DELIVERY,
        changed=replace(_DELIVERY, headers={"X-Robots-Tag": "noindex"}, geographies=(Geography.ASIA,)),
        change=("update",),
        changes={"azure": ()},  # the site itself answers with headers there, and from everywhere
        needs=(_SITE, _FIREWALL, _ZONE),
        outputs=("id", "url"),
        unpriced=("azure",),
    ),
)


def make_site_package(folder: Path, **files: str) -> Artifact:
    """Return the package of a site with a page and a script, or with these files, whose names have `_` for a dot."""
    path = folder / "site.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (files or {"index_html": "<title>Semantest</title>", "app_js": "start()"}).items():
            archive.writestr(zipfile.ZipInfo(name.replace("_", ".")), content)
    return Artifact(sha256(path.read_bytes()).hexdigest(), path, "", SITE_RUNTIME, path.stat().st_size)

"""The settings of a static site, and how its variables refer to other parts of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GATEWAY_REFERENCE = "${gateway.url}"
"""The value of a variable that holds the address of the platform's gateway."""
BUILT_FOLDER = "dist"
SECURITY_HEADERS: Mapping[str, str] = {
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}
"""What every site answers with, unless its configuration says otherwise."""
FIXED_HEADERS = frozenset({"strict-transport-security", "x-content-type-options"})
"""Those that no configuration changes."""
GEOGRAPHIES = ("north-america", "europe", "asia", "middle-east", "africa", "south-america", "oceania")
DEFAULT_GEOGRAPHIES = GEOGRAPHIES[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """The folder of a site with its files or, with `build`, with the project that builds them into `output`.

    `headers` are all that an answer has, those about security among them. `caches` tells whether the environment has
    a CDN; only with it there are a firewall, `waf`, and a domain of one's own. Without a `source` there is no site.
    """

    source: str = ""
    build: tuple[str, ...] = ()
    output: str = ""
    single_page: bool = False
    cache_s: int = 300
    headers: Mapping[str, str] = field(default_factory=lambda: SECURITY_HEADERS)
    domain: str = ""
    dns_zone: str = ""
    geographies: tuple[str, ...] = DEFAULT_GEOGRAPHIES
    waf: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    caches: bool = False

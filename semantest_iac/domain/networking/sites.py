"""Static websites, and what delivers them from places near their visitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from semantest_iac.domain.environments.platform.site_settings import SECURITY_HEADERS
from semantest_iac.domain.resource import Ref, Resource

SITE_PACKAGE = "site"
"""The companion of a stack's artifact with the files of its site."""
SITE_RUNTIME = "static"
"""The runtime of a package whose files nobody runs."""
INDEX_PAGE = "index.html"
VARIABLES_FILE = "config.json"
"""The file in which a site finds its variables, which are known only where it is deployed."""


class Geography(StrEnum):
    """Parts of the world whose visitors a site is delivered to from nearby."""

    NORTH_AMERICA = "north-america"
    EUROPE = "europe"
    ASIA = "asia"
    MIDDLE_EAST = "middle-east"
    AFRICA = "africa"
    SOUTH_AMERICA = "south-america"
    OCEANIA = "oceania"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticSite(Resource):
    """The files of a website, which the package of the stack's site holds.

    Browsers ask again for pages at each visit, and after `cache_s` seconds for files whose names have no fingerprint.
    With `single_page`, the index page answers every path without a file. `variables` go into VARIABLES_FILE, with the
    addresses of the resources that `addresses` names. With `is_delivered`, visitors come through a delivery alone.
    """

    single_page: bool = False
    cache_s: int = 300
    headers: Mapping[str, str] = field(default_factory=lambda: SECURITY_HEADERS)
    variables: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, Ref] = field(default_factory=dict)
    is_delivered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFirewall(Resource):
    """Refuses requests that look like attacks, and those of an address that sends more than the limit in five minutes.

    It stands before what delivers a site.
    """

    requests_per_address: int = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentDelivery(Resource):
    """The public address of a site, which answers by HTTPS with its security headers.

    With `caches`, places near the visitors of its `geographies` keep what they delivered. A `domain` of one's own has
    a certificate that the cloud makes and renews; its records are in the `zone`, or outputs for a person to set.
    """

    site: Ref
    firewall: Ref | None = None
    zone: Ref | None = None
    domain: str = ""
    caches: bool = True
    single_page: bool = False
    headers: Mapping[str, str] = field(default_factory=lambda: SECURITY_HEADERS)
    geographies: tuple[Geography, ...] = (Geography.NORTH_AMERICA, Geography.EUROPE)

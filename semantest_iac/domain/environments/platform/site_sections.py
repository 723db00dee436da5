"""The section of the configuration file about a static site."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from semantest_iac.domain.environments.section_types import Commands, ListOf, Section, Variable

GeographyName = Literal["north-america", "europe", "asia", "middle-east", "africa", "south-america", "oceania"]


class SiteSection(Section):
    """The static site."""

    source: str | None = Field(
        default=None, description="Folder with the site, relative to this file; with build, that of its project."
    )
    build: Commands = Field(default=(), description="Commands that build it, in a private copy of the source.")
    output: str | None = Field(
        default=None, description="Folder below the source with the files; dist by default with build."
    )
    single_page: bool | None = Field(
        default=None, description="The index page answers every path without a file, as routers of pages need it."
    )
    cache_s: int | None = Field(
        default=None, description="Seconds for which files without a fingerprint in their names are kept; 300."
    )
    headers: dict[str, str] = Field(default={}, description="Headers of every answer besides those about security.")
    domain: str | None = Field(default=None, description="Domain of one's own, such as app.semantest.com.")
    dns_zone: str | None = Field(
        default=None, description="Zone of the domain, such as semantest.com, which the stack makes for its records."
    )
    geographies: ListOf[GeographyName] | None = Field(
        default=None, description="Where the CDN delivers from nearby; north-america and europe by default."
    )
    waf: bool | None = Field(default=None, description="A web application firewall before the CDN; true by default.")
    variables: dict[str, Variable] = Field(
        default={}, description="Content of /config.json; ${gateway.url} is the address of the platform's gateway."
    )

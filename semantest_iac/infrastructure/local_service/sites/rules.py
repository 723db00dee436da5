"""What a static site and its delivery network answer, as values that name no cloud; a reader per cloud makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import HttpResponse, Pairs
from semantest_iac.domain.networking.managed_gateways import HeaderRules
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, UnpackPackage


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file of a site, on this machine or as its content, with the headers that it was uploaded with."""

    content: Path | bytes
    headers: Pairs = ()


@dataclass(frozen=True, slots=True)
class CacheStatusHeader:
    """The header in which a network that keeps answers says of each whether it was kept, with its two values."""

    name: str
    hit: str
    miss: str


@dataclass(frozen=True, slots=True)
class SiteRules:
    """All rules of one site; `files` are by their paths below the address, without a slash before them.

    With `single_page`, the index page answers every path without a file; else `error_page` does with 404, and without
    one `missing`. `has_folder_pages` says that `/help/` is answered with `help/index.html`. `headers` are those of each
    answer, whatever its file has. Without `cache`, nothing is kept. `origins` are the addresses of the site in its
    cloud.
    """

    files: Mapping[str, ServedFile]
    missing: HttpResponse
    refused_method: HttpResponse
    _: KW_ONLY
    single_page: bool = False
    error_page: str = ""
    has_folder_pages: bool = True
    headers: HeaderRules = field(default_factory=HeaderRules)
    cache: CacheStatusHeader | None = None
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SitePackages:
    """Where the files of a site are: the packages that its stack has had, by their digests, newest first."""

    unpack: UnpackPackage
    digests: tuple[str, ...] = ()

    def list_folders(self) -> Iterator[Path]:
        """Yield the folder of each unpacked package; one that is gone is left out."""
        for digest in self.digests:
            with suppress(RuntimeFailedError):
                yield self.unpack(digest)


ReadSiteRules = Callable[[DeployedResources, SitePackages], SiteRules | None]
"""Reads the rules of a stack's static site; None if it has none. One per cloud."""

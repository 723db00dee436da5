"""The files of a static site in its package, each with what its visitors' browsers are told about it."""

from __future__ import annotations

import json
import mimetypes
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.networking.sites import VARIABLES_FILE
from semantest_iac.infrastructure.artifact_stores.package_folder import SITE_FOLDER
from semantest_iac.infrastructure.durable_files import make_draft_folder, publish_folder

ASK_AGAIN = "no-cache"
KEEP_FOR_GOOD = "public, max-age=31536000, immutable"
_PAGES = frozenset({".html", ".htm", ".webmanifest"})
_ASK_AGAIN_NAMES = frozenset({VARIABLES_FILE, "sw.js", "service-worker.js", "manifest.json", "asset-manifest.json"})
_BUILT_FOLDERS = frozenset({"assets", "static", "immutable", "chunks", "_astro", "_nuxt"})
_FINGERPRINT = re.compile(r"[.-](?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{8,}(\.chunk)?\.\w+(\.map)?$")
_TYPES: Mapping[str, str] = {  # the same on every machine; source: IANA's list of media types
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".htm": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A file of a site by its path below the address, and where it is on this machine."""

    path: str
    file: Path

    @property
    def content_type(self) -> str:
        """Return the media type by the end of the name; bytes of an unknown kind without one."""
        suffix = PurePosixPath(self.path).suffix.lower()
        known = _TYPES.get(suffix) or mimetypes.guess_type(f"name{suffix}", strict=True)[0]
        return known or "application/octet-stream"

    def find_cache_control(self, cache_s: int) -> str:
        """Return for how long browsers keep the file."""
        return find_cache_control(self.path, cache_s)


def find_cache_control(path: str, cache_s: int) -> str:
    """Return for how long browsers keep a file: pages not at all, what a build named by its content for good."""
    place = PurePosixPath(path)
    if place.suffix.lower() in _PAGES or place.name in _ASK_AGAIN_NAMES:
        return ASK_AGAIN
    is_built = not _BUILT_FOLDERS.isdisjoint(place.parts[:-1]) and _FINGERPRINT.search(place.name)
    return KEEP_FOR_GOOD if is_built else f"public, max-age={cache_s}"


def list_site_files(package: Artifact) -> tuple[SiteFile, ...]:
    """Return the files of a package in the order of their paths, unpacked beside it; raises ArtifactError."""
    folder = _unpack(package)
    files = (path for path in folder.rglob("*") if path.is_file())
    return tuple(
        sorted((SiteFile(it.relative_to(folder).as_posix(), it) for it in files), key=lambda found: found.path)
    )


def _unpack(package: Artifact) -> Path:
    """Return the folder with the package's files, which is complete where it exists."""
    folder = package.path.parent / SITE_FOLDER / package.digest
    if not folder.is_dir():
        try:
            with make_draft_folder(folder.parent) as workspace, zipfile.ZipFile(package.path) as archive:
                archive.extractall(workspace / "site")
                publish_folder(workspace / "site", folder)
        except (OSError, zipfile.BadZipFile) as error:
            message = f"Cannot unpack the site '{package.path}': {getattr(error, 'strerror', None) or error}."
            raise ArtifactError(message, hint="Deploy the source again, which builds its package again.") from error
    return folder


def render_variables(variables: Mapping[str, str]) -> str:
    """Return the content of the file with a site's variables."""
    return json.dumps(dict(variables), indent=2, sort_keys=True) + "\n"

"""What browsers are told of each file of a site."""

from __future__ import annotations

import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.networking.sites import SITE_RUNTIME
from semantest_iac.infrastructure.cloud_programs.site_files import (
    ASK_AGAIN,
    KEEP_FOR_GOOD,
    SiteFile,
    find_cache_control,
    list_site_files,
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("index.html", ASK_AGAIN),
        ("docs/index.html", ASK_AGAIN),
        ("config.json", ASK_AGAIN),
        ("sw.js", ASK_AGAIN),
        ("assets/index-B3x9Qa1z.js", KEEP_FOR_GOOD),
        ("static/js/main.8d3f5a2b.chunk.js", KEEP_FOR_GOOD),
        ("static/js/main.8d3f5a2b.js.map", KEEP_FOR_GOOD),
        ("assets/my-component.js", "public, max-age=300"),
        ("assets/photo-20241231.jpg", "public, max-age=300"),
        ("main.8d3f5a2b.js", "public, max-age=300"),
        ("robots.txt", "public, max-age=300"),
    ],
)
def test_files_are_kept_by_their_names(path: str, expected: str) -> None:
    assert find_cache_control(path, 300) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("app.MJS", "text/javascript; charset=utf-8"),
        ("photo.jpg", "image/jpeg"),
        ("font.woff2", "font/woff2"),
        ("LICENSE", "application/octet-stream"),
        ("data.unknown-kind", "application/octet-stream"),
    ],
)
def test_files_have_the_type_of_their_name(name: str, expected: str) -> None:
    assert SiteFile(name, Path(name)).content_type == expected


def test_files_are_unpacked_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("index.html", "a page")
        archive.writestr("assets/app.js", "a script")
    package = Artifact(sha256(path.read_bytes()).hexdigest(), path, "", SITE_RUNTIME, 1)

    first = list_site_files(package)
    path.unlink()

    assert [file.path for file in first] == ["assets/app.js", "index.html"]
    assert [file.file.read_text() for file in list_site_files(package)] == ["a script", "a page"]


def test_package_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "package.zip"
    path.write_bytes(b"no archive")

    with pytest.raises(ArtifactError):
        list_site_files(Artifact("0" * 64, path, "", SITE_RUNTIME, 1))

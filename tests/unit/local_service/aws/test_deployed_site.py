"""The rules of a site behind CloudFront, read from resources as a deployment leaves them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.aws.platform.deployed_site import read_site_rules
from semantest_iac.infrastructure.local_service.sites.rules import ServedFile, SitePackages, SiteRules

DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
PAGE = {"errorCode": 404, "responseCode": 200, "responsePagePath": "/index.html"}
LOST = {"errorCode": 404, "responseCode": 404, "responsePagePath": "/404.html"}


def object_of(key: str, **inputs: Any) -> DeployedResource:
    about = {"key": key, "contentType": "text/html", "cacheControl": "no-cache"}
    return DeployedResource("aws:s3/bucketObjectv2:BucketObjectv2", key, {}, {**about, **inputs})


def distribution(policy: str = "mine", **inputs: Any) -> DeployedResource:
    behaviour = {"cachePolicyId": policy, "responseHeadersPolicyId": "headers", **inputs.pop("behaviour", {})}
    return DeployedResource(
        "aws:cloudfront/distribution:Distribution",
        "delivery",
        {"domainName": "d1.cloudfront.net"},
        {"defaultCacheBehavior": behaviour, **inputs},
    )


HEADERS = DeployedResource(
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
    "delivery",
    {},
    {
        "securityHeadersConfig": {
            "contentTypeOptions": {"override": True},
            "frameOptions": {"frameOption": "SAMEORIGIN", "override": True},
            "strictTransportSecurity": {"accessControlMaxAgeSec": 31536000, "override": True},
        },
        "customHeadersConfig": {"items": [{"header": "X-Team", "value": "shop", "override": True}]},
    },
    id="headers",
)


class Packages:
    """Folders of unpacked packages by their digests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.asked: list[str] = []

    def add(self, digest: str, key: str, content: bytes) -> str:
        (self._folder / digest / key).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / digest / key).write_bytes(content)
        return sha256(content).hexdigest()

    def unpack(self, digest: str) -> Path:
        self.asked.append(digest)
        if not (self._folder / digest).is_dir():
            raise RuntimeFailedError("It is gone.")
        return self._folder / digest


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    return Packages(tmp_path)


def read(
    packages: Packages, *resources: DeployedResource, digests: tuple[str, ...] = ("new", "gone", "old")
) -> SiteRules:
    rules = read_site_rules(resources, SitePackages(packages.unpack, digests))
    assert rules is not None
    return rules


class TestFiles:
    def test_are_found_by_their_hashes_in_the_packages_of_the_stack(self, packages: Packages, tmp_path: Path) -> None:
        new, old = packages.add("new", "index.html", b"new"), packages.add("old", "a/app.js", b"old")
        packages.add("new", "a/app.js", b"newer, and not deployed")
        objects = object_of("index.html", source={"hash": new}), object_of("a/app.js", source={"hash": old})
        files = read(packages, distribution(), *objects).files
        headers = (("content-type", "text/html"), ("cache-control", "no-cache"))

        assert files == {
            "index.html": ServedFile(tmp_path / "new" / "index.html", headers),
            "a/app.js": ServedFile(tmp_path / "old" / "a" / "app.js", headers),
        }

    def test_need_no_older_packages_if_the_newest_has_all(self, packages: Packages) -> None:
        digest = packages.add("new", "index.html", b"new")
        read(packages, distribution(), object_of("index.html", source={"hash": digest}))

        assert packages.asked == ["new"]

    def test_may_be_texts(self, packages: Packages) -> None:
        files = read(packages, distribution(), object_of("config.json", content='{"a": "b"}'), digests=()).files

        assert files["config.json"].content == b'{"a": "b"}'

    def test_of_no_package_are_missing(self, packages: Packages) -> None:
        assert read(packages, distribution(), object_of("index.html", source={"hash": "?"})).files == {}


class TestRules:
    def test_of_a_stack_without_a_distribution_are_none(self, packages: Packages) -> None:
        assert read_site_rules([object_of("index.html")], SitePackages(packages.unpack)) is None

    @pytest.mark.parametrize(
        ("responses", "single_page", "error_page"), [([PAGE], True, ""), ([LOST], False, "404.html"), ([], False, "")]
    )
    def test_have_what_answers_a_missing_file(
        self, packages: Packages, responses: list[Any], single_page: bool, error_page: str
    ) -> None:
        rules = read(packages, distribution(customErrorResponses=responses))

        assert (rules.single_page, rules.error_page, rules.missing.status) == (single_page, error_page, 404)

    def test_have_the_headers_of_the_policy(self, packages: Packages) -> None:
        other = DeployedResource(HEADERS.type, "other", {}, {"customHeadersConfig": {"items": []}}, id="other")

        assert read(packages, other, distribution(), HEADERS).headers.set == (
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "SAMEORIGIN"),
            ("strict-transport-security", "max-age=31536000"),
            ("x-team", "shop"),
        )

    @pytest.mark.parametrize(("policy", "keeps"), [("mine", True), (DISABLED, False)])
    def test_say_whether_answers_are_kept(self, packages: Packages, policy: str, keeps: bool) -> None:
        assert (read(packages, distribution(policy)).cache is not None) is keeps

    @pytest.mark.parametrize("functions", [[], [{"eventType": "viewer-request"}]])
    def test_say_whether_folders_have_pages(self, packages: Packages, functions: list[Any]) -> None:
        rules = read(packages, distribution(behaviour={"functionAssociations": functions}))

        assert rules.has_folder_pages is bool(functions)

    def test_name_the_addresses_in_the_cloud(self, packages: Packages) -> None:
        rules = read(packages, distribution(aliases=["app.example.org"]))

        assert rules.origins == ("https://d1.cloudfront.net", "https://app.example.org")

"""The files of a site on their way into a Static Web App, against the simulated service."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.errors import ProviderError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.provisioner import ignore_progress
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.cloud_programs.azure.sites.configuration import render_configuration
from semantest_iac.infrastructure.cloud_programs.azure.sites.publishing import (
    SETTINGS_TAG,
    STATIC_SITE_PUBLISHING,
    STATIC_WEB_APP_TYPE,
    STORAGE_TAG,
    build_site_zip,
)
from semantest_iac.infrastructure.cloud_programs.code_publishing import PACKAGE_TAG, CodePublisher, ServiceClient
from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import simulated_azure
from semantest_iac.infrastructure.simulated_cloud.azure.code_service import CodeService
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from tests.kind_examples.sites import make_site_package

_SETTINGS: dict[str, Any] = {
    "single_page": True,
    "cache_s": 60,
    "headers": {"X-Frame-Options": "DENY"},
    "variables": {"API_URL": "https://api.example.org"},
    "front_door": "",
}
_GROUP = {"resourceGroupName": "shop"}
Send = Callable[[str, HttpRequest], HttpResponse]


@pytest.fixture
def package(tmp_path: Path) -> Artifact:
    return make_site_package(tmp_path)


class _Subscription:
    """A subscription with one static site; `sent` are the requests that its services got."""

    def __init__(self, package: Artifact) -> None:
        self._cloud = simulated_azure(Inventory(":memory:"), region="westeurope")
        self._service = CodeService(self._cloud)
        self.sent: list[tuple[str, HttpRequest]] = []
        self.refusals: dict[str, HttpResponse] = {}
        account = {**_GROUP, "accountName": "shopsite", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        container = {**_GROUP, "accountName": "shopsite", "containerName": "site"}
        metadata = {"metadata": {"settings": json.dumps(_SETTINGS)}}
        self._create("azure-native:resources:ResourceGroup", {**_GROUP, "location": "westeurope"})
        self._create("azure-native:storage:StorageAccount", {**account, "location": "westeurope"})
        self._create("azure-native:storage:BlobContainer", {**container, **metadata})
        tags = {PACKAGE_TAG: package.digest, SETTINGS_TAG: "0123", STORAGE_TAG: "shopsite"}
        site = {**_GROUP, "name": "shop", "location": "westeurope", "sku": {"name": "Free"}, "tags": tags}
        created = self._create(STATIC_WEB_APP_TYPE, site)
        self.site = DeployedResource(STATIC_WEB_APP_TYPE, "site", created.outputs, site, urn="urn:site", id=created.id)

    def _create(self, type_: str, inputs: dict[str, Any]) -> Any:
        return self._cloud.create(type_, inputs, owner=f"urn:{type_}")

    def send(self, origin: str, request: HttpRequest) -> HttpResponse:
        self.sent.append((origin, request))
        refusal = next((it for end, it in self.refusals.items() if request.path.endswith(end)), None)
        return refusal or self._service(origin, request)

    @property
    def publisher(self) -> CodePublisher:
        client = ServiceClient(self.send, token=lambda: "a token", wait=lambda seconds: None)
        return CodePublisher(STATIC_SITE_PUBLISHING, client)


@pytest.fixture
def subscription(package: Artifact) -> _Subscription:
    return _Subscription(package)


class TestPublishing:
    def test_happens_once_for_the_same_files_and_settings(self, subscription: _Subscription, package: Artifact) -> None:
        publisher, site = subscription.publisher, subscription.site

        assert publisher.plan_publishing([site], package, ChangePlan()).lacks_code
        publisher.publish([site], package, ignore_progress)
        before = len(subscription.sent)
        publisher.publish([site], package, ignore_progress)

        assert publisher.with_running_code([site])[0].code == package.digest
        assert not publisher.plan_publishing([site], package, ChangePlan()).lacks_code
        assert not any(request.path.endswith("/zipdeploy") for _, request in subscription.sent[before:])

    def test_happens_again_with_other_settings(self, subscription: _Subscription, package: Artifact) -> None:
        publisher, site = subscription.publisher, subscription.site
        publisher.publish([site], package, ignore_progress)
        tags = {**site.outputs["tags"], SETTINGS_TAG: "4567"}
        changed = replace(site, outputs={**site.outputs, "tags": tags})

        assert publisher.with_running_code([changed])[0].code == ""
        publisher.publish([changed], package, ignore_progress)

        assert publisher.with_running_code([changed])[0].code == package.digest

    def test_sends_the_signature_to_the_service_alone(self, subscription: _Subscription, package: Artifact) -> None:
        subscription.publisher.publish([subscription.site], package, ignore_progress)

        (deployed,) = [it for _, it in subscription.sent if it.path.endswith("/zipdeploy")]
        address = urlsplit(json.loads(deployed.body)["properties"]["appZipUrl"])
        signed = dict(parse_qsl(address.query))
        asked = [json.loads(it.body) for _, it in subscription.sent if it.path.endswith("/ListServiceSas")]

        assert (signed["sr"], signed["sp"], "sig" in signed) == ("b", "r", True)
        assert f"/blob/shopsite{address.path}" in [it["canonicalizedResource"] for it in asked]
        assert all(origin.startswith("https://") for origin, _ in subscription.sent)

    def test_that_is_refused_says_why_without_the_signature(
        self, subscription: _Subscription, package: Artifact
    ) -> None:
        body = b"cannot read https://shopsite.blob.core.windows.net/site/a.zip?sv=1&sig=abc%2Bdef"
        subscription.refusals["/zipdeploy"] = HttpResponse(400, body=body)

        with pytest.raises(ProviderError) as refusal:
            subscription.publisher.publish([subscription.site], package, ignore_progress)

        assert "cannot read" in str(refusal.value)
        assert "abc" not in str(refusal.value)

    def test_that_fails_in_the_service_is_noted_nowhere(self, subscription: _Subscription, package: Artifact) -> None:
        failed = json.dumps({"properties": {"status": "Failed"}}).encode()
        subscription.refusals["/builds/default"] = HttpResponse(200, body=failed)

        with pytest.raises(ProviderError):
            subscription.publisher.publish([subscription.site], package, ignore_progress)

        assert subscription.publisher.with_running_code([subscription.site])[0].code == ""

    def test_is_no_matter_of_packages_that_run(self, subscription: _Subscription, package: Artifact) -> None:
        function = replace(package, digest="ab" * 32, runtime="python3.13", companions={"site": package})
        publisher, site = subscription.publisher, subscription.site
        publisher.publish([site], function, ignore_progress)

        assert publisher.with_running_code([site])[0].code == package.digest
        assert not publisher.plan_publishing([site], function, ChangePlan()).lacks_code


class TestZip:
    def test_has_the_files_the_configuration_and_the_variables(self, package: Artifact) -> None:
        content = build_site_zip(package, _SETTINGS)

        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            variables = json.loads(archive.read("config.json"))
        assert sorted(names) == ["app.js", "config.json", "index.html", "staticwebapp.config.json"]
        assert variables == _SETTINGS["variables"]
        assert build_site_zip(package, _SETTINGS) == content


class TestConfiguration:
    def test_answers_each_file_with_its_time(self) -> None:
        paths = ["index.html", "app.js", "assets/index-B3x9Qa1z.js", "assets/style-C4y8Rb2w.css", "img/logo.png"]

        configuration = json.loads(render_configuration(paths, _SETTINGS))

        assert configuration["globalHeaders"] == {"Cache-Control": "no-cache", "X-Frame-Options": "DENY"}
        assert [(it["route"], it["headers"]["Cache-Control"]) for it in configuration["routes"]] == [
            ("/assets/*", "public, max-age=31536000, immutable"),
            ("/app.js", "public, max-age=60"),
            ("/img/logo.png", "public, max-age=60"),
        ]
        assert configuration["navigationFallback"] == {"rewrite": "/index.html"}
        assert "networking" not in configuration

    def test_lets_the_own_front_door_in_alone(self) -> None:
        configuration = json.loads(render_configuration(["index.html"], {**_SETTINGS, "front_door": "an-id"}))

        assert configuration["networking"] == {"allowedIpRanges": ["AzureFrontDoor.Backend"]}
        assert configuration["forwardingGateway"] == {"requiredHeaders": {"X-Azure-FDID": "an-id"}}

    def test_has_the_error_page_of_a_site_with_several(self) -> None:
        settings = {**_SETTINGS, "single_page": False}

        assert json.loads(render_configuration(["index.html", "404.html"], settings))["responseOverrides"] == {
            "404": {"rewrite": "/404.html"}
        }

    def test_that_would_be_too_large_has_no_times(self) -> None:
        paths = [f"pictures/{number:04}.png" for number in range(400)]

        assert json.loads(render_configuration(paths, _SETTINGS))["routes"] == []

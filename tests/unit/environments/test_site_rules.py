"""What is refused, and what is warned of, in the settings of a static site."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationReport, ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

_GOOD = {"source": "./site", "single_page": True, "cache_s": 60, "variables": {"API_URL": "https://api.example.org"}}


def _validate(site: dict[str, Any] | None, environment: str = "staging", component: str = "site") -> ValidationReport:
    section = {"type": component, **({"site": site} if site is not None else {})}
    configuration = DeploymentConfiguration.model_validate({"components": {"web": section}})
    service = ValidationService(date(2026, 11, 1), CLOUD_ENTRIES, lambda name: find_cloud(name).capabilities)
    return service.validate(Stack("web", "aws", environment, "us-east-1"), configuration)


def _paths(faults: Any) -> list[str]:
    return [fault.path.removeprefix("components.web.") for fault in faults]


class TestFaults:
    def test_are_none_of_a_good_site(self) -> None:
        assert _validate(_GOOD).faults == ()

    @pytest.mark.parametrize("site", [None, {}, {"single_page": True}])
    def test_say_that_a_site_has_no_files(self, site: dict[str, Any] | None) -> None:
        assert _paths(_validate(site).faults) == ["site.source"]

    def test_of_a_domain_have_no_others_that_follow(self) -> None:
        changes = {"domain": "https://app.example.org/", "dns_zone": "example.org"}

        assert _paths(_validate({**_GOOD, **changes}).faults) == ["site.domain"]

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"cache_s": -1}, "site.cache_s"),
            ({"geographies": []}, "site.geographies"),
            ({"output": "../elsewhere"}, "site.output"),
            ({"build": "vite build && echo $HOME"}, "site.build"),
            ({"headers": {"Strict-Transport-Security": "max-age=0"}}, "site.headers.Strict-Transport-Security"),
            ({"headers": {"X-Frame-Options": "ALLOWALL"}}, "site.headers.X-Frame-Options"),
            ({"headers": {"Cache-Control": "no-store"}}, "site.headers.Cache-Control"),
            ({"headers": {"Bad Name": "x"}}, "site.headers.Bad Name"),
            ({"domain": "localhost"}, "site.domain"),
            ({"domain": "app.example.org", "dns_zone": "semantest.com"}, "site.dns_zone"),
            ({"variables": {"KEY": "${secrets.key}"}}, "site.variables.KEY"),
            ({"variables": {"KEY": "${database.url}"}}, "site.variables.KEY"),
            ({"variables": {"a-b": "x"}}, "site.variables.a-b"),
            ({"variables": {"LONG": "x" * 257}}, "site.variables.LONG"),
        ],
    )
    def test_name_the_setting(self, changes: dict[str, Any], path: str) -> None:
        assert path in _paths(_validate({**_GOOD, **changes}).faults)

    def test_say_that_a_domain_needs_a_zone_where_a_certificate_comes_first(self) -> None:
        assert "site.dns_zone" in _paths(_validate({**_GOOD, "domain": "app.semantest.com"}).faults)


class TestWarnings:
    def test_say_that_a_domain_has_no_effect_without_a_cdn(self) -> None:
        site = {**_GOOD, "domain": "app.semantest.com", "dns_zone": "semantest.com"}

        assert {"site.domain", "site.dns_zone"} <= {*_paths(_validate(site, "development").warnings)}

    def test_say_that_a_certificate_waits_for_the_registrar(self) -> None:
        site = {**_GOOD, "domain": "app.semantest.com", "dns_zone": "semantest.com"}

        assert "site.domain" in _paths(_validate(site).warnings)

    def test_say_that_a_variable_is_left_out(self) -> None:
        site = {**_GOOD, "variables": {"API_URL": "${gateway.url}"}}

        assert "site.variables.API_URL" in _paths(_validate(site).warnings)

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint

import pytest

from semantest_iac.domain.environments.names import CloudProvider
from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.clouds.built_in import AWS, CLOUD_ENTRIES
from semantest_iac.infrastructure.clouds.entry import CloudEntry
from semantest_iac.infrastructure.clouds.registry import ENTRY_POINT_GROUP, CloudRegistry, region_setting_of

MEADOW = CloudEntry(
    "meadow",
    ("north",),
    rules="nowhere:RULES",
    program="nowhere.at_all:CLOUD",
    package="meadow",
    sdk_distribution="meadow-cloud",
    simulated_cloud="nowhere:simulated",
    api_frontend=f"{__name__}:nothing",
)


def _registry(value: str = f"{__name__}:MEADOW", name: str = "meadow") -> CloudRegistry:
    return CloudRegistry(lambda: {name: EntryPoint(name, value, ENTRY_POINT_GROUP)})


def _refuse_search() -> Mapping[str, EntryPoint]:
    raise AssertionError("entry points were searched")


class TestCloudRegistry:
    def test_lists_built_in_clouds_first(self) -> None:
        assert list(_registry()) == ["aws", "azure", "meadow"]
        assert len(_registry()) == 3

    def test_searches_entry_points_only_for_unknown_names(self) -> None:
        clouds = CloudRegistry(_refuse_search)

        assert clouds["aws"] is AWS
        assert "azure" in clouds
        assert clouds.find_by_package("azure-native").name == "azure"

    def test_finds_clouds_by_name_and_by_package(self) -> None:
        assert (_registry()["meadow"], _registry().find_by_package("meadow")) == (MEADOW, MEADOW)

    def test_raises_for_unknown_names(self) -> None:
        with pytest.raises(KeyError):
            _registry()["moon"]
        with pytest.raises(KeyError):
            _registry().find_by_package("moon")

    @pytest.mark.parametrize(
        ("value", "name"),
        [("nowhere.at_all:X", "meadow"), (f"{__name__}:NOTHING", "meadow"), (f"{__name__}:CLOUD_ENTRIES", "meadow"),
         (f"{__name__}:MEADOW", "moon")],
        ids=["no module", "no such name", "no entry", "of another name"],
    )  # fmt: skip
    def test_names_the_broken_distribution(self, value: str, name: str) -> None:
        with pytest.raises(RefusedError, match=f"Cannot use '{name}'") as refused:
            _registry(value, name)[name]

        assert refused.value.hint.startswith(f"Update '{value}'")

    def test_has_an_entry_for_every_provider_of_the_domain(self) -> None:
        assert list(CLOUD_ENTRIES) == [provider.value for provider in CloudProvider]


class TestParts:
    def test_require_a_package_without_importing_it(self) -> None:
        AWS.require_module("")
        AWS.require_module("pulumi_aws")

        with pytest.raises(RefusedError, match="No module named 'pulumi_moon'") as refused:
            AWS.require_module("pulumi_moon")
        assert "pulumi-aws" in refused.value.hint

    @pytest.mark.parametrize("name", CLOUD_ENTRIES)
    def test_of_built_in_clouds_can_be_loaded(self, name: str) -> None:
        entry = CLOUD_ENTRIES[name]
        references = filter(
            None, (entry.rules, entry.program, entry.simulated_cloud, entry.api_frontend, entry.code_service)
        )

        assert all(entry.load_part(reference) is not None for reference in references)

    @pytest.mark.parametrize("reference", [MEADOW.program, MEADOW.api_frontend], ids=["no module", "no such name"])
    def test_that_are_missing_hint_what_to_install(self, reference: str) -> None:
        with pytest.raises(RefusedError, match="Cannot use 'meadow' here") as refused:
            MEADOW.load_part(reference)

        assert refused.value.hint == "Run pip install 'meadow-cloud'."


class TestRegionSettingOf:
    @pytest.mark.parametrize(
        ("package", "place"), [("aws", "region"), ("azure-native", "location"), ("random", "region")], ids=str
    )
    def test_returns_the_provider_s_name_for_it(self, package: str, place: str) -> None:
        assert region_setting_of(package) == place

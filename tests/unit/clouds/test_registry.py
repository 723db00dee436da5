"""Every cloud by name: ours without a look around, and those of other distributions."""

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
    sdk="meadow-cloud",
    simulated_cloud="nowhere:simulated",
    api_frontend=f"{__name__}:nothing",
)


def _with(value: str = f"{__name__}:MEADOW", name: str = "meadow") -> CloudRegistry:
    return CloudRegistry(lambda: {name: EntryPoint(name, value, ENTRY_POINT_GROUP)})


def _unasked() -> Mapping[str, EntryPoint]:
    raise AssertionError("looked around")


class TestClouds:
    def test_are_ours_and_then_the_others(self) -> None:
        assert list(_with()) == ["aws", "azure", "meadow"]
        assert len(_with()) == 3

    def test_look_around_only_where_none_of_ours_is_meant(self) -> None:
        clouds = CloudRegistry(_unasked)

        assert clouds["aws"] is AWS
        assert "azure" in clouds
        assert clouds.find_by_package("azure-native").name == "azure"

    def test_find_another_by_name_and_by_package(self) -> None:
        assert (_with()["meadow"], _with().find_by_package("meadow")) == (MEADOW, MEADOW)

    def test_know_nothing_else(self) -> None:
        with pytest.raises(KeyError):
            _with()["moon"]
        with pytest.raises(KeyError):
            _with().find_by_package("moon")

    @pytest.mark.parametrize(
        ("value", "name"),
        [("nowhere.at_all:X", "meadow"), (f"{__name__}:NOTHING", "meadow"), (f"{__name__}:OURS", "meadow"),
         (f"{__name__}:MEADOW", "moon")],
        ids=["no module", "no such name", "no entry", "of another name"],
    )  # fmt: skip
    def test_say_which_distribution_is_broken(self, value: str, name: str) -> None:
        with pytest.raises(RefusedError, match=f"Cannot use '{name}'") as refused:
            _with(value, name)[name]

        assert refused.value.hint.startswith(f"Update '{value}'")

    def test_of_ours_are_those_that_the_domain_names(self) -> None:
        assert list(CLOUD_ENTRIES) == [provider.value for provider in CloudProvider]


class TestParts:
    def test_need_a_package_that_is_looked_for_and_not_loaded(self) -> None:
        AWS.require("")
        AWS.require("pulumi_aws")

        with pytest.raises(RefusedError, match="No module named 'pulumi_moon'") as refused:
            AWS.require("pulumi_moon")
        assert "pulumi-aws" in refused.value.hint

    @pytest.mark.parametrize("name", CLOUD_ENTRIES)
    def test_of_ours_are_where_they_are_said_to_be(self, name: str) -> None:
        entry = CLOUD_ENTRIES[name]
        places = filter(
            None, (entry.rules, entry.program, entry.simulated_cloud, entry.api_frontend, entry.code_service)
        )

        assert all(entry.load_part(where) is not None for where in places)

    @pytest.mark.parametrize("where", [MEADOW.program, MEADOW.api_frontend], ids=["no module", "no such name"])
    def test_that_are_missing_name_what_to_install(self, where: str) -> None:
        with pytest.raises(RefusedError, match="Cannot use 'meadow' here") as refused:
            MEADOW.load_part(where)

        assert refused.value.hint == "Run pip install 'meadow-cloud'."


class TestPlace:
    @pytest.mark.parametrize(
        ("package", "place"), [("aws", "region"), ("azure-native", "location"), ("random", "region")], ids=str
    )
    def test_is_what_the_provider_calls_it(self, package: str, place: str) -> None:
        assert region_setting_of(package) == place

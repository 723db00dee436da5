"""Several components, providers and regions become the stacks that are meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from semantest_iac.application.intake.targets import ProviderRegion, accept_all, expand_components, expand_targets
from semantest_iac.domain.errors import DeploymentError, Fault, RefusedError, ValidationError
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

_KNOWN = {**CLOUD_ENTRIES, "meadow": replace(CLOUD_ENTRIES["aws"], name="meadow", regions=("north", "south"))}


class TestComponents:
    def test_are_as_they_were_named_and_once_each(self) -> None:
        assert expand_components(("rest-api", "moon", "rest-api")) == ["rest-api", "moon"]

    def test_are_every_one_for_all(self) -> None:
        assert expand_components(("all",)) == expand_components(("all", "rest-api"))
        assert expand_components(("all",)) == ["rest-api", "websocket"]

    def test_are_those_alone_that_serve_somebody_for_all(self) -> None:
        assert expand_components(("account", "all")) == ["account", *expand_components(("all",))]

    def test_are_left_to_the_checks_where_none_is_named(self) -> None:
        assert expand_components(()) == [None]


class TestPlaces:
    @pytest.mark.parametrize(
        ("providers", "regions", "found"),
        [
            ((), (), [(None, None)]),
            (("aws",), ("us-east-1", "eu-west-1", "us-east-1"), [("aws", "us-east-1"), ("aws", "eu-west-1")]),
            (("aws", "azure"), (), [("aws", None), ("azure", None)]),
            (("aws", "azure"), ("West US 2", "us-east-1"), [("azure", "West US 2"), ("aws", "us-east-1")]),
            (("aws", "azure"), ("moon", "us-east-1", "eastus"),
             [("aws", "moon"), ("aws", "us-east-1"), ("azure", "eastus")]),
            (("aws", "meadow"), ("north", "us-east-1"), [("meadow", "north"), ("aws", "us-east-1")]),
        ],
        ids=["nothing named", "one provider", "no region", "each to its owner", "one that nobody has", "of a third"],
    )  # fmt: skip
    def test_pair_each_region_with_the_provider_that_has_it(
        self, providers: tuple[str, ...], regions: tuple[str, ...], found: list[ProviderRegion]
    ) -> None:
        assert expand_targets(providers, regions, _KNOWN) == found

    def test_are_not_made_up_for_a_provider_that_was_named_without_one(self) -> None:
        with pytest.raises(ValidationError) as refused:
            expand_targets(("aws", "azure"), ("eu-west-1",), CLOUD_ENTRIES)

        assert [fault.message for fault in refused.value.faults] == ["none of the regions is of azure"]


def _fine() -> str:
    return "fine"


def _raise(error: DeploymentError) -> str:
    raise error


def _refusing(error: DeploymentError) -> Callable[[], str]:
    return partial(_raise, error)


def _wrong(*paths: str) -> Callable[[], str]:
    return _refusing(ValidationError("Wrong.", faults=[Fault(path, "wrong") for path in paths]))


class TestTogether:
    def test_is_everything_where_nothing_speaks_against_it(self) -> None:
        assert accept_all([_fine, _fine]) == ["fine", "fine"]

    def test_raises_the_faults_of_all_once_each(self) -> None:
        with pytest.raises(ValidationError) as refused:
            accept_all([_wrong("a", "b"), _fine, _wrong("b", "c"), _refusing(RefusedError("no CLI"))])

        assert refused.value.message == "Cannot accept 3 of 4 stacks."
        assert [fault.path for fault in refused.value.faults] == ["a", "b", "c"]

    def test_raises_a_single_error_as_it_is(self) -> None:
        with pytest.raises(RefusedError, match="no CLI"):
            accept_all([_fine, _refusing(RefusedError("no CLI"))])

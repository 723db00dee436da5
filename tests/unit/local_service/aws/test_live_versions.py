"""Which version of a function an API calls."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.aws.live_versions import InvokedFunction, find_invoked_function

ARN = "arn:aws:lambda:us-east-1:123456789012:function:api"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}:live/invocations"
FIRST, SECOND = {"arn": ARN, "version": "1", "handler": "old"}, {"arn": ARN, "version": "2", "handler": "new"}


def deployed(
    weights: dict[str, float] | None = None,
    version: str = "1",
    published: Mapping[str, Mapping[str, str]] = MappingProxyType({"1": FIRST, "2": SECOND}),
) -> list[DeployedResource]:
    alias: dict[str, Any] = {"functionName": "api", "name": "live", "functionVersion": version}
    if weights:
        alias["routingConfig"] = {"additionalVersionWeights": weights}
    return [
        DeployedResource("aws:lambda/function:Function", "function", {**SECOND, "name": "api"}, versions=published),
        DeployedResource("aws:lambda/alias:Alias", "live", alias),
    ]


def choose(invoked: InvokedFunction, draw: float) -> str:
    return invoked.choose(lambda: draw)


class TestFindInvokedFunction:
    def test_runs_the_version_that_the_alias_names(self) -> None:
        invoked = find_invoked_function(deployed(), URI)

        assert invoked and invoked.live == FIRST
        assert {choose(invoked, draw) for draw in (0.0, 0.999)} == {ARN}
        assert invoked.versions == {ARN: FIRST}

    def test_chooses_between_versions_by_their_weights(self) -> None:
        invoked = find_invoked_function(deployed({"2": 0.1}), URI)

        assert invoked and invoked.versions == {ARN: FIRST, f"{ARN}#2": SECOND}
        new = f"{ARN}#2"
        assert [choose(invoked, draw) for draw in (0.0, 0.099, 0.1, 0.9)] == [new, new, ARN, ARN]

    def test_of_a_version_that_is_not_kept_runs_what_is_deployed(self) -> None:
        invoked = find_invoked_function(deployed(version="7", published={"2": SECOND}), URI)

        assert invoked and (invoked.live["handler"], invoked.live["version"]) == ("new", "7")

    def test_without_an_alias_runs_what_is_deployed(self) -> None:
        invoked = find_invoked_function(deployed(), URI.replace(":live", ""))

        assert invoked and invoked.live["version"] == "2"

    def test_finds_nothing_for_another_function(self) -> None:
        assert find_invoked_function(deployed(), URI.replace(":api:", ":other:")) is None
        assert find_invoked_function(deployed(), None) is None

"""What `keys` shows of a gateway that is simulated on this machine."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Workspace

_APIS = ("--set", "components.gateway.gateway.apis={orders: {url: 'https://orders.example.org'}}")
_FEWEST_CHARACTERS = 20


@pytest.mark.parametrize("provider", ("aws", "azure"))
class TestKeys:
    def test_are_those_of_the_subscriptions_and_nowhere_else(self, provider: str, workspace: Workspace) -> None:
        deployed = workspace.run("deploy", "gateway", "--provider", provider, *_APIS)
        shown = workspace.run("keys", "gateway", "--json")
        keys = json.loads(shown.out)
        outputs = workspace.run("outputs", "gateway", "--json")

        assert (deployed.code, shown.code, [*keys]) == (0, 0, ["standard"])
        assert len(keys["standard"]) >= _FEWEST_CHARACTERS
        assert keys["standard"] not in deployed.out + deployed.err + outputs.out


def test_need_a_gateway(workspace: Workspace) -> None:
    outcome = workspace.run("keys")

    assert (outcome.code, "no stack with a gateway fits" in outcome.err) == (2, True)

"""What commands say about a layer of the platform, which is no API and whose logs outlive it in production."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Workspace

_PROVIDERS = ("aws", "azure")
_COMMANDS = (("invoke", "messaging", "GET", "/"), ("open", "messaging"))
_RESOURCES = ("--set", "components.messaging.queues={orders: {}}")


@pytest.fixture(scope="module", params=_PROVIDERS)
def layer(request: pytest.FixtureRequest, shared_workspace_of: Callable[[str], Workspace]) -> tuple[str, Workspace]:
    """A cloud and a workspace in which nothing but a layer is deployed."""
    workspace = shared_workspace_of(request.param)
    assert workspace.run("deploy", "messaging", "--provider", request.param, *_RESOURCES).code == 0
    return request.param, workspace


@pytest.mark.parametrize("command", _COMMANDS, ids=["invoke", "open"])
class TestAddress:
    def test_is_not_suggested_where_there_is_none(self, layer: tuple[str, Workspace], command: tuple[str, ...]) -> None:
        outcome = layer[1].run(*command)

        assert (outcome.code, "messaging." in outcome.err.partition("endpoint")[2]) == (2, False)
        assert "API" in outcome.err


@pytest.mark.parametrize("provider", _PROVIDERS)
class TestBesideAnApi:
    def test_its_address_is_suggested(self, provider: str, workspace: Workspace) -> None:
        assert workspace.run("deploy", "messaging", "rest-api", "--provider", provider, *_RESOURCES).code == 0

        for command in _COMMANDS:
            outcome = workspace.run(*command)
            assert (outcome.code, f"semantest_iac {command[0]} rest-api.{provider}." in outcome.err) == (2, True)


@pytest.mark.parametrize("provider", _PROVIDERS)
class TestKeptLogs:
    def test_are_named_by_the_plan_of_a_destroy(self, provider: str, workspace: Workspace) -> None:
        stack = ("observability", "--provider", provider, "--env", "production")
        assert workspace.run("deploy", *stack, "--cloud", "sandbox", "--engine", "sandbox", "--yes").code == 0

        outcome = workspace.run("destroy", *stack)  # refused: nobody typed the stack's name

        assert "stays in the cloud with its log records" in outcome.out
        assert "other stacks may rely on it" not in outcome.out


class TestFixedProperty:
    def test_rejects_a_deployment_before_anything_is_changed(self, workspace: Workspace) -> None:
        stack = ("security", "--provider", "azure")
        assert workspace.run("deploy", *stack).code == 0

        refused = workspace.run("deploy", *stack, "--set", "security.soft_delete_days=21", "--json")
        again = workspace.run("deploy", *stack, "--json")

        assert (refused.code, refused.json["state"], refused.json["error"]["code"]) == (3, "rejected", "FIXED_PROPERTY")
        assert "security.soft_delete_days: vault: 7 cannot become 21" in refused.out
        assert {op: count for op, count in again.json["changes"].items() if count}.keys() == {"same"}

"""`destroy` of an application in memory."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac_events.forms.cloudevents import to_cloudevent
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested
from tests.fakes.memory_ledger import a_deploy, a_destroy

_DEPLOY = ("deploy", "--component", "rest-api")
_STACK = "rest-api.aws.development.us-east-1"
_DESTROY = ("destroy", "--component", "rest-api")


class TestDestroy:
    def test_is_refused_without_consent(self, cli: Any, world: Any) -> None:
        outcome = cli(*_DESTROY)

        assert outcome.code == 3
        assert "Hint: Add --yes." in outcome.err
        assert world.ledger.recorded == []

    def test_runs_with_yes(self, cli: Any) -> None:
        outcome = cli(*_DESTROY, "--yes", "--json")

        result = json.loads(outcome.out.splitlines()[-1])
        assert (outcome.code, result["state"], result["changes"]["delete"]) == (0, "completed", 3)

    def test_of_several_stacks_needs_every_consent_first(self, cli: Any, world: Any) -> None:
        regions = ("--region", "us-east-1", "--region", "eu-west-1")

        outcome = cli(*_DESTROY, *regions)

        assert (outcome.code, world.ledger.recorded) == (3, [])
        assert outcome.out.count("Plan:") == 2

    def test_of_production_needs_the_stack_s_name(self, cli: Any, world: Any) -> None:
        world.engines = ("pulumi",)

        outcome = cli(*_DESTROY, "--env", "production", "--yes")

        assert outcome.code == 3
        assert "Type the stack's name: rest-api.aws.production.us-east-1" in outcome.err

    def test_takes_the_only_stack_that_fits(self, cli: Any) -> None:
        cli(*_DEPLOY, "--provider", "azure")

        outcome = cli("destroy", "rest-api", "--yes", "--json")

        assert json.loads(outcome.out.splitlines()[-1])["stack"] == "rest-api.azure.development.eastus"

    def test_lists_the_stacks_where_several_fit(self, cli: Any) -> None:
        cli(*_DEPLOY, "--provider", "azure", "--provider", "aws")

        for command in (("destroy", "rest-api", "--yes"), ("preview", "rest-api", "--destroy")):
            outcome = cli(*command)

            assert (outcome.code, outcome.out) == (2, "")
            assert f" {command[0]} rest-api.azure.development.eastus {command[2]}\n" in outcome.err

    def test_of_all_says_what_remains(self, cli: Any) -> None:
        cli("deploy", "all", "account")
        cli(*_DEPLOY, "--provider", "azure")

        outcome = cli("destroy", "all", "--yes")

        assert outcome.code == 0
        remaining = outcome.out.partition("Still deployed: ")[2].splitlines()[0]
        assert set(remaining.removesuffix(".").split(", ")) == {
            "account.aws.development.us-east-1",
            "rest-api.azure.development.eastus",
        }

    def test_of_all_takes_the_only_place(self, cli: Any) -> None:
        cli(*_DEPLOY, "--provider", "azure")

        results = map(json.loads, cli("destroy", "all", "--yes", "--json").out.splitlines())

        assert {line["stack"].partition(".")[2] for line in results if "stack" in line} == {"azure.development.eastus"}

    def test_of_nothing_names_what_is_deployed(self, cli: Any, world: Any) -> None:
        cli(*_DEPLOY, "--provider", "azure")
        world.plan = ChangePlan()

        outcome = cli("destroy", "rest-api", "--provider", "aws")

        assert (outcome.code, outcome.out.splitlines()) == (
            0,
            [f"Nothing is deployed as '{_STACK}'.", "Deployed instead: rest-api.azure.development.eastus."],
        )

    def test_of_an_environment_that_extends_production_needs_it_without_the_file(self, cli: Any, world: Any) -> None:
        world.engines = ("pulumi",)
        world.values = {"environments": {"prod-eu": {"extends": "prod"}}}
        deployed = cli(*_DEPLOY, "--env", "prod-eu", "--json")
        world.values = {}

        known, refused = cli("status", "--env", "prod-eu"), cli(*_DESTROY, "--env", "prod-eu", "--yes")
        unknown = cli(*_DESTROY, "--env", "prod-eus")

        assert (deployed.code, known.code, refused.code, unknown.code) == (0, 0, 3, 2)
        assert "rest-api.aws.prod-eu.us-east-1" in known.out
        assert "Type the stack's name: rest-api.aws.prod-eu.us-east-1" in refused.err
        assert "Did you mean 'prod-eu'?" in unknown.err

    def test_of_an_environment_of_one_s_own_records_what_it_extends(self, cli: Any, world: Any) -> None:
        world.values = {"environments": {"pr-12": None}}
        cli(*_DEPLOY, "--env", "pr-12")
        world.values = {"environments": {"pr-12": {"extends": "qa"}}}

        assert cli(*_DESTROY, "--env", "pr-12", "--yes").code == 0
        requests = [row.event["data"] for row in world.ledger.recorded if row.type.endswith(".requested")]
        assert [request["base_environment"] for request in requests] == ["development", "development"]
        about = json.loads(cli("events", "--env", "pr-12", "--json").out)
        assert about[1]["type"] == "infrastructure.environment.configured"
        assert json.loads(cli("events", "--env", "pr-12", "--component", "websocket", "--json").out) == []

    def test_of_nothing_says_so(self, cli: Any, world: Any) -> None:
        world.plan = ChangePlan()

        outcome = cli(*_DESTROY)

        assert (outcome.code, outcome.out) == (0, "Nothing is deployed as 'rest-api.aws.development.us-east-1'.\n")

    def test_of_nothing_ends_what_was_interrupted(self, cli: Any, world: Any) -> None:
        about: dict[str, Any] = {
            "component": "rest-api",
            "provider": "aws",
            "environment": "development",
            "region": "us-east-1",
        }
        removal = InfrastructureRemovalRequested(**about)
        requested = NewEvent(removal.type_name, json.dumps(to_cloudevent(removal)))
        interrupted = [requested, a_destroy(removal.deployment_id)[1]]
        asyncio.run(world.ledger.append(_STACK, None, [*a_deploy("d1"), *interrupted]))
        world.plan = ChangePlan()

        outcome = cli(*_DESTROY, "--yes")

        assert outcome.code == 0
        assert f"No resource of '{_STACK}' is left; destroying it ends what was interrupted." in outcome.out
        assert [row.state for row in world.ledger.deployments()] == ["completed", "failed", "completed"]
        assert world.ledger.stack(_STACK).generation == 2


class TestDestroyEverything:
    _ALL = ("destroy", "--everything")

    def test_leaves_nothing_and_ends_with_accounts(self, cli: Any, world: Any) -> None:
        cli("deploy", "rest-api", "account", "--region", "us-east-1", "--region", "eu-west-1")
        cli(*_DEPLOY, "--provider", "azure")
        before = len(world.ledger.recorded)

        outcome = cli(*self._ALL, "--yes", "--json")

        results = [line for line in map(json.loads, outcome.out.splitlines()) if "duration_s" in line]
        order = dict.fromkeys(row.stream.partition(".")[0] for row in world.ledger.recorded[before:])
        assert (outcome.code, [result["state"] for result in results]) == (0, ["completed"] * 5)
        assert list(order) == ["rest-api", "account"]
        assert [row.stack for row in world.ledger.stacks() if row.owner] == []

    def test_is_listed_and_asked_for(self, cli: Any, world: Any) -> None:
        cli(*_DEPLOY, "--provider", "azure", "--provider", "aws")
        recorded = len(world.ledger.recorded)

        outcome = cli(*self._ALL)

        assert (outcome.code, len(world.ledger.recorded)) == (3, recorded)
        assert outcome.out.startswith("This destroys 2 stacks:\n")
        assert f"  {_STACK} " in outcome.out

    def test_of_one_environment_leaves_the_others(self, cli: Any, world: Any) -> None:
        world.engines = ("sandbox", "pulumi")
        cli(*_DEPLOY, "--env", "staging")
        cli(*_DEPLOY)

        outcome = cli(*self._ALL, "--env", "dev", "--yes")

        assert outcome.code == 0
        assert "Still deployed: rest-api.aws.staging.us-east-1." in outcome.out

    def test_of_production_needs_its_name(self, cli: Any, world: Any) -> None:
        world.engines = ("sandbox", "pulumi")
        cli(*_DEPLOY, "--env", "production")
        cli(*_DEPLOY)
        recorded = len(world.ledger.recorded)

        outcome = cli(*self._ALL, "--yes")

        assert (outcome.code, len(world.ledger.recorded)) == (3, recorded)
        assert "Type the stack's name: rest-api.aws.production.us-east-1" in outcome.err

    def test_of_nothing_says_so(self, cli: Any) -> None:
        outcome = cli(*self._ALL)

        assert (outcome.code, outcome.out) == (0, "Nothing is deployed.\n")

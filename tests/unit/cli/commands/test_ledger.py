"""The commands that only read the ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.application.ports.run_queue import QueuedRun, RunHolder
from tests.fakes.memory_ledger import a_deploy, a_destroy, an_event

_ONE = "rest-api.aws.development.us-east-1"
_OTHER = "rest-api.aws.development.eu-west-1"
LOCAL = "http://127.0.0.1:4180/rest-api.aws.development.us-east-1/"
_LEFT = {"endpoint": "https://one", "outputs": {"endpoint": "https://one", "version": 3}, "changes": {"create": 3}}


@pytest.fixture
async def filled(world: Any) -> None:
    """Two stacks; the second is destroyed."""
    await world.ledger.append(_ONE, None, a_deploy("d1", stack=_ONE, **_LEFT))
    await world.ledger.append(_OTHER, None, a_deploy("d2", stack=_OTHER, **_LEFT))
    await world.ledger.append(_OTHER, None, a_destroy("d3", stack=_OTHER))


class TestEmptyLedgers:
    @pytest.mark.parametrize("command", ["status", "history", "events"])
    def test_are_empty_lists(self, cli: Any, command: str) -> None:
        outcome = cli(command, "--json")

        assert (outcome.code, outcome.out) == (0, "[]\n")

    def test_say_so(self, cli: Any) -> None:
        assert cli("status").out == "Nothing has been deployed yet.\n"


_RUN = QueuedRun(1, "d1", _ONE, "running", 0, 1, None, RunHolder("w1", "elsewhere", 7), is_cancelled=False)


@pytest.mark.parametrize(
    ("runs", "is_interrupted"),
    [
        ([_RUN], False),
        ([replace(_RUN, state="waiting", holder=None)], False),
        ([replace(_RUN, is_abandoned=True)], True),
        ([], True),
    ],
    ids=["running", "waiting", "killed", "of an earlier version"],
)
async def test_status_tells_an_interrupted_deployment_from_others(
    cli: Any, world: Any, runs: list[QueuedRun], is_interrupted: bool
) -> None:
    await world.ledger.append(_ONE, None, a_destroy("d1", stack=_ONE)[:1])
    world.runs = runs

    shown, (row,) = cli("status"), json.loads(cli("status", "--json").out)

    assert (row["state"], row["interrupted"]) == ("pending", is_interrupted)
    assert ("interrupted" in shown.out) is is_interrupted
    assert ("Run deploy or destroy for this stack" in shown.err) is is_interrupted


async def _add_failed(world: Any) -> None:
    """A deployment that needed an operator, and was resolved."""
    failure = {"code": "PROVIDER_ERROR", "reason": "no quota", "hint": "Ask for more.", "changes": {"create": 1}}
    left = {"remainder": ["delete function"], "commands": ["semantest-iac destroy rest-api"]}
    begun = a_deploy("d4", stack=_ONE)
    requested = an_event("deployment.requested", "d4", stack=_ONE, data={"requested_by": "ada"})
    ended = [
        an_event("approval.granted", "d4", stack=_ONE, data={"approved_by": "bob"}),
        an_event("deployment.needs_operator", "d4", stack=_ONE, data={**failure, **left}),
        an_event("deployment.resolved", "d4", stack=_ONE, data={"resolved_by": "eve"}),
    ]
    await world.ledger.append(_ONE, None, [requested, *begun[1:3], *ended])


@pytest.mark.usefixtures("filled")
class TestStatusOfOneDeployment:
    async def test_has_who_did_what_and_what_is_left(self, cli: Any, world: Any) -> None:
        await _add_failed(world)

        shown, details = (
            cli("status", "--deployment", "d4").out,
            json.loads(cli("status", "--deployment", "d4", "--json").out),
        )

        assert [line.split(maxsplit=1)[0] for line in shown.splitlines()][:5] == [
            "deployment", "stack", "number", "kind", "state",
        ]  # fmt: skip
        for text in ("by ada", "bob", "eve", "no quota", "Ask for more.", "delete function", "destroy rest-api"):
            assert text in shown
        assert (details["requested_by"], details["approved_by"], details["resolved_by"]) == ("ada", "bob", "eve")
        assert (details["number"], details["error"]["code"], details["remainder"]) == (
            2,
            "PROVIDER_ERROR",
            ["delete function"],
        )

    def test_is_what_history_has(self, cli: Any) -> None:
        rows = {row["deployment"]: row for row in json.loads(cli("history", "--json").out)}

        for deployment, row in rows.items():
            details = json.loads(cli("status", "--deployment", deployment, "--json").out)
            assert details.items() >= {key: row[key] for key in row if key != "held_by"}.items()

    @pytest.mark.parametrize("more", [["--watch"], ["rest-api"], ["--env", "qa"]])
    def test_stands_alone(self, cli: Any, more: list[str]) -> None:
        outcome = cli("status", "--deployment", "d1", *more)

        assert (outcome.code, "Cannot use --deployment with other options" in outcome.err) == (2, True)

    def test_names_where_ids_are_listed(self, cli: Any) -> None:
        outcome = cli("status", "--deployment", "d9")

        assert (outcome.code, "`semantest-iac history` lists the deployments." in outcome.err) == (2, True)


@pytest.mark.usefixtures("filled")
class TestStatus:
    def test_has_the_newest_deployment_of_every_stack(self, cli: Any) -> None:
        rows = json.loads(cli("status", "--json").out)

        assert [(row["deployment"], row["stack"]) for row in rows] == [("d3", _OTHER), ("d1", _ONE)]

    def test_is_a_table(self, cli: Any) -> None:
        lines = cli("status", "--region", "us-east-1").out.splitlines()

        assert lines[0].split() == ["STACK", "LAST", "STATE", "REQUESTED", "ENDPOINT"]
        assert lines[1].replace(" (", "(").split() == [
            _ONE,
            "deploy",
            "completed(simulated)",
            "2026-01-01",
            "12:00:00Z",
            "https://one",
        ]

    @pytest.mark.parametrize(
        "words", [("REST-API", "--region", "US-EAST-1"), (_ONE,), ("--component", _ONE, "--env", "DEV")]
    )
    def test_is_that_of_one_stack(self, cli: Any, words: tuple[str, ...]) -> None:
        assert [row["stack"] for row in json.loads(cli("status", "--json", *words).out)] == [_ONE]

    def test_refuses_a_name_that_differs_from_the_options(self, cli: Any) -> None:
        outcome = cli("status", _ONE, "--region", "eu-west-1", "--env", "qa", "--json")

        faults = json.loads(outcome.out)["error"]["faults"]
        assert (outcome.code, [fault["path"] for fault in faults]) == (2, ["environment", "region"])

    def test_says_that_nothing_matches(self, cli: Any) -> None:
        assert cli("status", "--env", "qa").out == "Nothing matches.\n"

    def test_refuses_unknown_names(self, cli: Any) -> None:
        assert cli("status", "--env", "moon").code == 2


@pytest.mark.usefixtures("filled")
class TestNarrowTerminals:
    @pytest.mark.parametrize("command", ["status", "history", "events", "outputs --region us-east-1"])
    def test_break_no_lines(self, cli: Any, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("NO_COLOR", "1")

        lines = cli(*command.split(), watched=True).out.splitlines()

        assert lines
        assert max(map(len, lines)) <= 80


@pytest.mark.usefixtures("filled")
class TestHistory:
    def test_is_newest_first_and_limited(self, cli: Any) -> None:
        rows = json.loads(cli("history", "--limit", "2", "--json").out)

        assert [row["deployment"] for row in rows] == ["d3", "d2"]

    def test_is_that_of_one_stack(self, cli: Any) -> None:
        rows = json.loads(cli("history", "--stack", _OTHER, "--json").out)

        assert [row["deployment"] for row in rows] == ["d3", "d2"]

    def test_shows_the_changes(self, cli: Any) -> None:
        assert "3 created" in cli("history", "--region", "us-east-1").out


@pytest.mark.usefixtures("filled")
class TestOutputs:
    def test_are_those_of_the_one_live_stack(self, cli: Any) -> None:
        assert json.loads(cli("outputs", "--json").out) == {
            "endpoint": "https://one",
            "version": 3,
            "local_endpoint": LOCAL,
        }

    def test_are_aligned(self, cli: Any) -> None:
        assert cli("outputs").out == (f"endpoint        https://one\nversion         3\nlocal_endpoint  {LOCAL}\n")

    def test_have_the_address_of_a_running_gateway(self, cli: Any, world: Any) -> None:
        world.serving = "http://127.0.0.1:5000"

        assert json.loads(cli("outputs", "--json").out)["local_endpoint"] == f"http://127.0.0.1:5000/{_ONE}/"

    async def test_are_sorted_by_name(self, cli: Any, world: Any) -> None:
        outputs = {"version": 3, "endpoint": "https://one", "arn": "a"}
        await world.ledger.append(_ONE, None, a_deploy("d4", stack=_ONE, **{**_LEFT, "outputs": outputs}))

        assert list(json.loads(cli("outputs", "--json").out)) == ["arn", "endpoint", "version", "local_endpoint"]

    async def test_of_a_platform_have_the_addresses_of_its_entrances(self, cli: Any, world: Any) -> None:
        stack = "platform.aws.development.us-east-1"
        urls = {"gateway_url": "https://g", "site_url": "https://s"}
        await world.ledger.append(stack, None, a_deploy("d9", stack=stack, **{**_LEFT, "outputs": urls}))

        assert json.loads(cli("outputs", "platform", "--json").out) == urls | {
            "local_site_url": f"http://{stack}.localhost:4180/",
            "local_gateway_url": f"http://127.0.0.1:4180/{stack}/",
        }

    def test_of_no_live_stack_name_the_live_ones(self, cli: Any) -> None:
        outcome = cli("outputs", "--region", "eu-west-1")

        assert outcome.code == 2
        assert f"deployed: {_ONE}" in outcome.err

    async def test_of_several_stacks_are_refused(self, cli: Any, world: Any) -> None:
        await world.ledger.append(_OTHER, None, a_deploy("d4", stack=_OTHER, **_LEFT))

        outcome = cli("outputs", "--json")

        faults = json.loads(outcome.out)["error"]["faults"]
        assert (outcome.code, [fault["message"] for fault in faults]) == (2, [_OTHER, _ONE])
        assert faults[0]["hint"].endswith(f" outputs --json {_OTHER}")


@pytest.mark.usefixtures("filled")
class TestEvents:
    def test_omit_the_journal_by_default(self, cli: Any) -> None:
        plain, whole = (json.loads(cli("events", "--json", *more).out) for more in ((), ("--journal",)))

        assert (len(plain), len(whole)) == (12, 17)

    def test_are_filtered_before_the_limit(self, cli: Any) -> None:
        found = json.loads(cli("events", "--region", "eu-west-1", "--limit", "2", "--json").out)

        assert [event["subject"] for event in found] == [_OTHER, _OTHER]

    def test_continue_after_a_position(self, cli: Any) -> None:
        first = json.loads(cli("events", "--after", "0", "--limit", "1", "--json").out)

        rest = json.loads(cli("events", "--after", first[-1]["sequence"], "--json").out)

        assert len(rest) == 11

    async def test_of_a_deployment_are_found_by_the_beginning_of_its_id(self, cli: Any, world: Any) -> None:
        for id_ in ("e1-long", "e2-long"):
            await world.ledger.append(_ONE, None, a_deploy(id_, stack=_ONE, **_LEFT))

        found, several = cli("events", "--deployment", "e1", "--json"), cli("events", "--deployment", "e", "--json")

        assert {event["data"]["deployment_id"] for event in json.loads(found.out)} == {"e1-long"}
        faults = json.loads(several.out)["error"]["faults"]
        assert (several.code, [fault["path"] for fault in faults]) == (2, ["e2-long", "e1-long"])

    def test_are_the_newest_within_a_limit(self, cli: Any) -> None:
        every, newest = (json.loads(cli("events", "--json", *more).out) for more in ((), ("--limit", "2")))

        assert newest == every[-2:]

    def test_of_an_unknown_deployment_are_not_found(self, cli: Any) -> None:
        assert cli("events", "--deployment", "d9").code == 2

    def test_of_a_deployment_of_another_stack_are_none(self, cli: Any) -> None:
        found = [
            json.loads(cli("events", "--deployment", "d1", "--stack", stack, "--json").out) for stack in (_ONE, _OTHER)
        ]

        assert [len(events) for events in found] == [5, 0]

    def test_of_a_malformed_stack_name_are_refused(self, cli: Any) -> None:
        outcome = cli("events", "--stack", "rest-api")

        assert outcome.code == 2
        assert "'rest-api' is not component.provider.environment.region" in outcome.err

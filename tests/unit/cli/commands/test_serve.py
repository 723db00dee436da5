"""`serve`, and `deploy --serve`, in a world whose gateway is stopped as soon as it has answered."""

from __future__ import annotations

import json
from typing import Any

from semantest_iac.presentation.gateway.services import RequestLogEntry

STACK = "rest-api.aws.development.us-east-1"
ENTRY = RequestLogEntry("GET", "/a\x1b[2J", STACK, 200, 0.0123)


class TestServe:
    def test_says_where_and_ends_well(self, cli: Any) -> None:
        outcome = cli("serve")

        assert (outcome.code, outcome.out.splitlines()[0]) == (0, "Serving on http://127.0.0.1:4180; Ctrl-C stops it.")

    def test_says_that_nothing_is_deployed_yet(self, cli: Any) -> None:
        assert "nothing yet" in cli("serve").out

    def test_lists_the_addresses_of_what_is_deployed(self, cli: Any) -> None:
        cli("deploy", "--component", "rest-api")

        assert cli("serve", "--port", "5000").out.splitlines()[1] == f"  http://127.0.0.1:5000/{STACK}/"

    def test_takes_another_port(self, cli: Any) -> None:
        assert json.loads(cli("serve", "--port", "5000", "--json").out)["url"] == "http://127.0.0.1:5000"

    def test_shows_each_request_without_control_characters(self, cli: Any, world: Any) -> None:
        world.entries = [ENTRY]

        line = cli("serve").out.splitlines()[-1]

        assert line.endswith(f"{STACK} GET /a\\x1b[2J 200 12.3 ms")

    def test_shows_each_request_as_json(self, cli: Any, world: Any) -> None:
        world.entries = [RequestLogEntry("GET", "/", "", 404, 0.001, "a remark")]

        told = json.loads(cli("serve", "--json").out.splitlines()[1])

        assert told.pop("time")
        assert told == {"stack": "", "method": "GET", "path": "/", "status": 404, "ms": 1.0, "note": "a remark"}


class TestDeployAndServe:
    def test_serves_what_was_deployed(self, cli: Any) -> None:
        outcome = cli("deploy", "--component", "rest-api", "--serve")

        assert (outcome.code, "Serving on" in outcome.out) == (0, True)

    def test_serves_nothing_after_a_failure(self, cli: Any, world: Any) -> None:
        world.state = "failed"

        outcome = cli("deploy", "--component", "rest-api", "--serve")

        assert (outcome.code, "Serving on" in outcome.out) == (1, False)

    def test_is_refused_before_it_begins_where_the_cloud_is_real(self, cli: Any, world: Any) -> None:
        world.engines = ("sandbox", "pulumi")
        world.cloud = "real"

        outcome = cli("deploy", "--component", "rest-api", "--env", "staging", "--serve")

        assert (outcome.code, world.ledger.stacks()) == (3, [])
        assert "will be in a real cloud" in outcome.err

"""The same life of a deployment, by Pulumi's own engine on the simulated cloud."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli_location import locate

_COMPONENT = ("--component", "rest-api", "--json")
_ENGINE = ("--engine", "pulumi", "--cloud", "sandbox")


@pytest.fixture(scope="module", autouse=True)
def needs_the_cli() -> None:
    """Without a CLI the module is skipped."""
    try:
        locate(os.environ)
    except RefusedError as error:
        pytest.skip(f"no Pulumi CLI: {error.hint}")


def _changes(outcome: Any) -> dict[str, int]:
    return {op: count for op, count in outcome.json["changes"].items() if count and op != "same"}


class TestPulumiEngine:
    def test_leads_the_life_that_the_sandbox_leads(self, shared_desk: Any) -> None:
        first = shared_desk.run("deploy", *_COMPONENT, *_ENGINE)
        again = shared_desk.run("deploy", *_COMPONENT)
        more = shared_desk.run("deploy", *_COMPONENT, "--set", "components.rest-api.memory=1024")
        answer = shared_desk.run("invoke", "rest-api", "GET", "/health", "--json")
        other = shared_desk.run("deploy", *_COMPONENT, "--engine", "sandbox")
        gone = shared_desk.run("destroy", *_COMPONENT, "--yes")

        assert [each.code for each in (first, again, more, answer, other, gone)] == [0, 0, 0, 0, 3, 0]
        assert [_changes(each) for each in (first, again, more, gone)] == [
            {"create": 19},
            {},
            {"update": 2},
            {"delete": 19},
        ]
        assert (answer.json["status"], other.json["error"]["code"]) == (200, "ENGINE_DIFFERS")

    def test_names_everything_that_a_real_cloud_needs(self, shared_desk: Any, tmp_path: Path) -> None:
        refused = shared_desk.run("deploy", *_COMPONENT, "--env", "production")

        assert refused.code == 3
        assert {"plugin aws", "aws credentials"} >= {fault["path"] for fault in refused.json["error"]["faults"]}

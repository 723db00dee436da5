"""The same lifecycle with both engines, on equal simulated clouds."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Outcome, Workspace
from tests.pulumi_cli import require_pulumi_cli

_COMPONENT = ("--component", "rest-api")
_PULUMI = ("--engine", "pulumi", "--cloud", "sandbox")
_FUNCTION_DEPLOYED = "infrastructure.function.deployed"
_MORE = ("--set", "components.rest-api.memory=1024")
_FUNCTIONS = {"aws": "aws:lambda/function:Function", "azure": "azure-native:web:WebApp"}
_STEPS: dict[str, tuple[str, ...]] = {
    "first": ("deploy", *_COMPONENT),
    "same": ("deploy", *_COMPONENT),
    "changed": ("deploy", *_COMPONENT, *_MORE),
    "failed": ("deploy", *_COMPONENT, *_MORE, "--set", "components.rest-api.timeout=7"),
    "previewed": ("preview", *_COMPONENT, "--set", "components.rest-api.timeout=7"),
    "called": ("invoke", "rest-api", "GET", "/health"),
    "gone": ("destroy", *_COMPONENT, "--yes"),
}
_CODES = {name: 1 if name == "failed" else 0 for name in _STEPS}
# Times, lengths of texts with times, and the engine's name: they may differ.
_VARYING = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d+\.\d+( s\b)?|(?<=content-length: )\d+| \(engine pulumi\)$", re.MULTILINE
)

Outcomes = dict[str, Outcome]


@pytest.fixture(scope="module", autouse=True)
def needs_the_cli() -> None:
    require_pulumi_cli()


def _run_lifecycle(workspace: Workspace, provider: str, *engine: str) -> Outcomes:
    """Run the whole lifecycle in one workspace; the cloud refuses one update."""
    outcomes = {}
    refused = {"effect": "refuse", "type": _FUNCTIONS[provider], "operation": "update", "call": 1}
    faults = workspace.home / ("pulumi" if engine else "") / "faults.json"
    for name, arguments in _STEPS.items():
        if name == "failed":
            faults.write_text(json.dumps([refused]), encoding="utf-8")
        chosen = engine if arguments[0] == "deploy" else ()
        place = ("--provider", provider)
        outcomes[name] = workspace.run(*arguments, *place, *chosen, *(("--json",) if arguments[0] == "deploy" else ()))
        faults.unlink(missing_ok=True)
    return outcomes


@pytest.fixture(scope="module", params=list(_FUNCTIONS))
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcomes, Outcomes]:
    """One lifecycle in the sandbox, one with the Pulumi engine."""
    ours, theirs = (Workspace(tmp_path_factory.mktemp(name)) for name in ("ours", "theirs"))
    return _run_lifecycle(ours, request.param), _run_lifecycle(theirs, request.param, *_PULUMI)


def _events(outcome: Outcome) -> list[tuple[str, Any]]:
    """Return types and changes, sorted: Pulumi works on several resources at once."""
    events = [(event["type"], json.dumps(event["data"].get("changes"))) for event in outcome.events]
    return sorted(events)


class TestBothEngines:
    def test_end_with_the_same_exit_codes(self, runs: tuple[Outcomes, Outcomes]) -> None:
        for outcomes in runs:
            assert {name: outcome.code for name, outcome in outcomes.items()} == _CODES

    @pytest.mark.parametrize("name", ["first", "same", "changed", "failed"])
    def test_record_the_same_events(self, runs: tuple[Outcomes, Outcomes], name: str) -> None:
        ours, theirs = (_events(outcomes[name]) for outcomes in runs)

        assert ours == theirs

    @pytest.mark.parametrize("name", ["first", "same", "changed", "failed"])
    def test_end_with_the_same_result(self, runs: tuple[Outcomes, Outcomes], name: str) -> None:
        ours, theirs = (outcomes[name].json for outcomes in runs)

        assert [ours[key] for key in ("state", "changes")] == [theirs[key] for key in ("state", "changes")]
        assert ours["outputs"].keys() == theirs["outputs"].keys()
        assert ours.get("error", {}).get("code") == theirs.get("error", {}).get("code")

    @pytest.mark.parametrize("name", ["previewed", "called", "gone"])
    def test_print_the_same_text(self, runs: tuple[Outcomes, Outcomes], name: str) -> None:
        ours, theirs = (sorted(_VARYING.sub("", outcomes[name].out).splitlines()) for outcomes in runs)

        assert ours == theirs


class TestPulumiEngine:
    def test_keeps_a_stack_that_it_deployed(self, workspace: Workspace) -> None:
        made = workspace.run("deploy", *_COMPONENT, *_PULUMI, "--json")
        other = workspace.run("deploy", *_COMPONENT, "--engine", "sandbox", "--json")

        assert (made.code, other.code, other.json["error"]["code"]) == (0, 3, "ENGINE_DIFFERS")

    def test_keeps_a_stack_that_it_began_to_deploy(self, workspace: Workspace) -> None:
        with workspace.start("deploy", *_COMPONENT, *_PULUMI, "--json") as process:
            assert process.stdout is not None
            next(line for line in process.stdout if json.loads(line).get("type") == _FUNCTION_DEPLOYED)
            process.send_signal(signal.SIGTERM)
            process.communicate()
        other = workspace.run("deploy", *_COMPONENT, "--engine", "sandbox", "--json")
        destroyed = workspace.run("destroy", *_COMPONENT, "--yes", "--json")
        after = workspace.run("deploy", *_COMPONENT, "--engine", "sandbox", "--json")

        assert (process.returncode, other.code, other.json["error"]["code"]) == (4, 3, "ENGINE_DIFFERS")
        assert (destroyed.code, destroyed.json["state"]) == (0, "completed")
        assert destroyed.json["changes"]["delete"] > 5
        assert (after.code, after.json["changes"]["create"]) == (0, 19)

    def test_reports_everything_that_a_real_cloud_needs(self, shared_workspace: Any, tmp_path: Path) -> None:
        refused = shared_workspace.run("deploy", *_COMPONENT, "--env", "production", "--json")

        assert refused.code == 3
        assert {"plugin aws", "aws credentials"} >= {fault["path"] for fault in refused.json["error"]["faults"]}

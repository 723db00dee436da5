"""The same life of a deployment by both engines, on equal simulated clouds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Desk, Outcome
from tests.pulumi_cli import needed

_COMPONENT = ("--component", "rest-api")
_PULUMI = ("--engine", "pulumi", "--cloud", "sandbox")
_MORE = ("--set", "components.rest-api.memory=1024")
_FUNCTIONS = {"aws": "aws:lambda/function:Function", "azure": "azure-native:web:WebApp"}
_LIFE: dict[str, tuple[str, ...]] = {
    "first": ("deploy", *_COMPONENT),
    "same": ("deploy", *_COMPONENT),
    "changed": ("deploy", *_COMPONENT, *_MORE),
    "failed": ("deploy", *_COMPONENT, *_MORE, "--set", "components.rest-api.timeout=7"),
    "previewed": ("preview", *_COMPONENT, "--set", "components.rest-api.timeout=7"),
    "called": ("invoke", "rest-api", "GET", "/health"),
    "gone": ("destroy", *_COMPONENT, "--yes"),
}
_CODES = {name: 1 if name == "failed" else 0 for name in _LIFE}
# Times, their lengths, and whose work it was.
_CHANCE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d+\.\d+( s\b)?|(?<=content-length: )\d+|, by pulumi$", re.MULTILINE)

Life = dict[str, Outcome]


@pytest.fixture(scope="module", autouse=True)
def needs_the_cli() -> None:
    """Without a CLI the module is skipped."""
    needed()


def _lived(desk: Desk, provider: str, *engine: str) -> Life:
    """The whole life in one home; the cloud refuses once."""
    lived = {}
    refused = {"effect": "refuse", "type": _FUNCTIONS[provider], "operation": "update", "call": 1}
    faults = desk.home / ("pulumi" if engine else "") / "faults.json"
    for name, arguments in _LIFE.items():
        if name == "failed":
            faults.write_text(json.dumps([refused]), encoding="utf-8")
        chosen = engine if arguments[0] == "deploy" else ()
        place = ("--provider", provider)
        lived[name] = desk.run(*arguments, *place, *chosen, *(("--json",) if arguments[0] == "deploy" else ()))
        faults.unlink(missing_ok=True)
    return lived


@pytest.fixture(scope="module", params=list(_FUNCTIONS))
def lives(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Life, Life]:
    """One in the sandbox, one by Pulumi's own engine."""
    ours, theirs = (Desk(tmp_path_factory.mktemp(name)) for name in ("ours", "theirs"))
    return _lived(ours, request.param), _lived(theirs, request.param, *_PULUMI)


def _events(outcome: Outcome) -> list[tuple[str, Any]]:
    """Types and what they say of changes, without order: Pulumi works on several resources at once."""
    told = [(event["type"], json.dumps(event["data"].get("changes"))) for event in outcome.events]
    return sorted(told)


class TestBothEngines:
    def test_end_with_the_same_exit_codes(self, lives: tuple[Life, Life]) -> None:
        for life in lives:
            assert {name: outcome.code for name, outcome in life.items()} == _CODES

    @pytest.mark.parametrize("name", ["first", "same", "changed", "failed"])
    def test_tell_the_same_events(self, lives: tuple[Life, Life], name: str) -> None:
        ours, theirs = (_events(life[name]) for life in lives)

        assert ours == theirs

    @pytest.mark.parametrize("name", ["first", "same", "changed", "failed"])
    def test_come_to_the_same_result(self, lives: tuple[Life, Life], name: str) -> None:
        ours, theirs = (life[name].json for life in lives)

        assert [ours[key] for key in ("state", "changes")] == [theirs[key] for key in ("state", "changes")]
        assert ours["outputs"].keys() == theirs["outputs"].keys()
        assert ours.get("error", {}).get("code") == theirs.get("error", {}).get("code")

    @pytest.mark.parametrize("name", ["previewed", "called", "gone"])
    def test_say_the_same_to_a_person(self, lives: tuple[Life, Life], name: str) -> None:
        ours, theirs = (sorted(_CHANCE.sub("", life[name].out).splitlines()) for life in lives)

        assert ours == theirs


class TestPulumiEngine:
    def test_keeps_what_it_has_made(self, desk: Desk) -> None:
        made = desk.run("deploy", *_COMPONENT, *_PULUMI, "--json")
        other = desk.run("deploy", *_COMPONENT, "--engine", "sandbox", "--json")

        assert (made.code, other.code, other.json["error"]["code"]) == (0, 3, "ENGINE_DIFFERS")

    def test_names_everything_that_a_real_cloud_needs(self, shared_desk: Any, tmp_path: Path) -> None:
        refused = shared_desk.run("deploy", *_COMPONENT, "--env", "production", "--json")

        assert refused.code == 3
        assert {"plugin aws", "aws credentials"} >= {fault["path"] for fault in refused.json["error"]["faults"]}

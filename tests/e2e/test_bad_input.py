"""Wrong options and configurations: exit code 2, every fault with location and hint, nothing changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

_DEPLOY = ("deploy", "--component", "rest-api", "--json")
_MEMORY = "components.rest-api.memory"

# Arguments -> the paths of the reported faults.
_ARGUMENTS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "no component": (("deploy", "--json"), ["component"]),
    "unknown component": (("deploy", "--component", "rest-apo", "--json"), ["component"]),
    "component that is a path": (("deploy", "--component", "..", "--json"), ["component"]),
    "component of 300 characters": (("deploy", "--component", "a" * 300, "--json"), ["component"]),
    "empty component": (("deploy", "--component", "", "--json"), ["component"]),
    "unknown provider": ((*_DEPLOY, "--provider", "awz"), ["provider"]),
    "unknown environment": ((*_DEPLOY, "--env", "stagging"), ["environment"]),
    "empty environment": ((*_DEPLOY, "--env", ""), ["environment"]),
    "unknown region": ((*_DEPLOY, "--region", "us-east-9"), ["region"]),
    "region of the other cloud": ((*_DEPLOY, "--region", "eastus"), ["region"]),
    "region of 300 characters": ((*_DEPLOY, "--region", "u" * 300), ["region"]),
    "three options at once": (
        ("preview", "--component", "x", "--provider", "y", "--env", "z", "--json"),
        ["component", "provider", "environment"],
    ),
    "set without an equals sign": ((*_DEPLOY, "--set", _MEMORY), ["--set"]),
    "set of an unknown key": ((*_DEPLOY, "--set", "components.rest-api.memroy=1"), ["components.rest-api.memroy"]),
    "memory too small": ((*_DEPLOY, "--set", f"{_MEMORY}=64"), [_MEMORY]),
    "memory that is text": ((*_DEPLOY, "--set", f"{_MEMORY}=much"), [_MEMORY]),
    "timeout too long": ((*_DEPLOY, "--set", "components.rest-api.timeout=900"), ["components.rest-api.timeout"]),
    "deprecated runtime": (
        (*_DEPLOY, "--set", "components.rest-api.runtime=nodejs18.x"),
        ["components.rest-api.runtime"],
    ),
    "every origin with credentials": (
        (*_DEPLOY, "--set", "components.rest-api.cors={origins: ['*'], credentials: true}"),
        ["components.rest-api.cors"],
    ),
    "missing secret": (
        (*_DEPLOY, "--set", "components.rest-api.environment.KEY=${secrets.key}"),
        ["components.rest-api.environment.KEY"],
    ),
    "missing source": (
        (*_DEPLOY, "--set", "components.rest-api.source=nowhere"),
        ["components.rest-api.source"],
    ),
    "source that no file system takes": (
        (*_DEPLOY, "--set", f"components.rest-api.source={'s' * 300}"),
        ["components.rest-api.source"],
    ),
    "missing configuration": ((*_DEPLOY, "--config", "nowhere.yaml"), [""]),
    "several at once": (
        (*_DEPLOY, "--region", "moon", "--set", f"{_MEMORY}=64", "--set", "components.rest-api.timeout=900"),
        ["region", _MEMORY, "components.rest-api.timeout"],
    ),
    "destroy of an unknown region": (
        ("destroy", "--component", "rest-api", "--region", "moon", "--yes", "--json"),
        ["region"],
    ),
    "invoke of an unknown component": (("invoke", "rest-apo", "GET", "/", "--json"), ["component"]),
    "status of an unknown environment": (("status", "--env", "stagging", "--json"), ["environment"]),
}

# Content of semantest.yaml -> the line of the fault, and a part of its message.
_FILES = {
    "unknown key": ("components:\n  rest-api:\n    memroy: 512\n", 3, "unknown key"),
    "malformed": ("components: [\n", 2, "not YAML"),
    "tagged": ("provider: !!python/object:os.system aws\n", 1, "tags are refused"),
    "aliased": ("provider: &a aws\nregion: *a\n", 2, "aliases are refused"),
    "duplicate key": ("provider: aws\nprovider: azure\n", 2, "written twice"),
    "list": ("- provider\n", 1, "must be a mapping"),
    "unknown provider": ("provider: awz\n", 1, "'awz'"),
    "memory too small": ("components:\n  rest-api:\n    memory: 64\n", 3, "64"),
}


class TestArguments:
    @pytest.mark.parametrize(("arguments", "paths"), _ARGUMENTS.values(), ids=_ARGUMENTS)
    def test_report_every_fault_and_change_nothing(
        self, workspace: Any, arguments: tuple[str, ...], paths: list[str]
    ) -> None:
        outcome = workspace.run(*arguments)

        faults = outcome.json["error"]["faults"]
        assert (outcome.code, [fault["path"] for fault in faults]) == (2, paths)
        assert all(fault["hint"] for fault in faults)
        assert (outcome.err, list(workspace.folder.iterdir())) == ("", [])


class TestFiles:
    @pytest.mark.parametrize(("text", "line", "word"), _FILES.values(), ids=_FILES)
    def test_report_a_fault_with_its_line(self, workspace: Any, text: str, line: int, word: str) -> None:
        (workspace.folder / "semantest.yaml").write_text(text, encoding="utf-8")

        outcome = workspace.run(*_DEPLOY)

        faults = outcome.json["error"]["faults"]
        found = [fault for fault in faults if fault.get("line") == line and word in fault["message"]]
        assert (outcome.code, len(found)) == (2, 1), faults
        assert found[0]["file"] == "semantest.yaml"
        assert not workspace.home.exists()

    def test_report_a_fault_as_text_with_line_and_column(self, workspace: Any) -> None:
        (workspace.folder / "semantest.yaml").write_text("provder: aws\n", encoding="utf-8")

        outcome = workspace.run("config", "validate")

        assert (outcome.code, outcome.out) == (2, "")
        assert "  semantest.yaml:1:1 provder: unknown key\n      Did you mean 'provider'?" in outcome.err


class TestSources:
    def test_are_relative_to_the_file_that_names_them(self, workspace: Any, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "own.yaml").write_text("components: {rest-api: {source: nowhere}}\n", encoding="utf-8")

        outcome = workspace.run(*_DEPLOY, "--config", "elsewhere/own.yaml")

        (fault,) = outcome.json["error"]["faults"]
        assert f"'{elsewhere / 'nowhere'}' does not exist" in fault["message"]


class TestProduction:
    @pytest.mark.parametrize("command", ["deploy", "preview", "destroy"])
    def test_is_refused_without_pulumi(self, workspace: Any, command: str) -> None:
        outcome = workspace.run(command, "--component", "rest-api", "--env", "production", "--json")

        assert (outcome.code, outcome.json["error"]["code"]) == (3, "ENGINE_UNAVAILABLE")
        assert list(workspace.folder.iterdir()) == []

    def test_example_is_valid(self, workspace: Any) -> None:
        example = Path(__file__).parents[2] / "docs" / "examples" / "production.yaml"

        outcome = workspace.run("config", "validate", "--config", str(example), "--json")

        assert (outcome.code, outcome.json["faults"]) == (0, [])
        assert sorted(warning["path"] for warning in outcome.json["warnings"]) == [
            "components.rest-api.environment.DATABASE_URL",
            "components.rest-api.timeout",
            "components.websocket.environment.REDIS_URL",
            "scaling.metrics",
        ]

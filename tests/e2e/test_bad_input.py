"""Whatever is typed or written wrongly: exit 2, every fault with place and hint, nothing changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

_DEPLOY = ("deploy", "--component", "rest-api", "--json")
_MEMORY = "components.rest-api.memory"

# What is typed -> the paths of the faults that are told.
_TYPED: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "no component": (("deploy", "--json"), ["component"]),
    "unknown component": (("deploy", "--component", "rest-apo", "--json"), ["component"]),
    "component of a later day": (("deploy", "--component", "platform", "--json"), ["component"]),
    "component that climbs": (("deploy", "--component", "..", "--json"), ["component"]),
    "component of 300 characters": (("deploy", "--component", "a" * 300, "--json"), ["component"]),
    "empty component": (("deploy", "--component", "", "--json"), ["component"]),
    "unknown provider": ((*_DEPLOY, "--provider", "awz"), ["provider"]),
    "unknown environment": ((*_DEPLOY, "--env", "stagging"), ["environment"]),
    "empty environment": ((*_DEPLOY, "--env", ""), ["environment"]),
    "unknown region": ((*_DEPLOY, "--region", "us-east-9"), ["region"]),
    "region of the other cloud": ((*_DEPLOY, "--region", "eastus"), ["region"]),
    "region of 300 characters": ((*_DEPLOY, "--region", "u" * 300), ["region"]),
    "all words at once": (
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
    "call of an unknown component": (("invoke", "rest-apo", "GET", "/", "--json"), ["component"]),
    "question about an unknown environment": (("status", "--env", "stagging", "--json"), ["environment"]),
}

# What is written in semantest.yaml -> line of the fault and a word of its message.
_WRITTEN = {
    "unknown key": ("components:\n  rest-api:\n    memroy: 512\n", 3, "unknown key"),
    "malformed": ("components: [\n", 2, "not YAML"),
    "tagged": ("provider: !!python/object:os.system aws\n", 1, "tags are refused"),
    "aliased": ("provider: &a aws\nregion: *a\n", 2, "aliases are refused"),
    "duplicate key": ("provider: aws\nprovider: azure\n", 2, "written twice"),
    "list": ("- provider\n", 1, "must be a mapping"),
    "unknown provider": ("provider: awz\n", 1, "'awz'"),
    "memory too small": ("components:\n  rest-api:\n    memory: 64\n", 3, "64"),
}


class TestTypedInput:
    @pytest.mark.parametrize(("arguments", "paths"), _TYPED.values(), ids=_TYPED)
    def test_that_is_wrong_is_told_at_once_and_changes_nothing(
        self, desk: Any, arguments: tuple[str, ...], paths: list[str]
    ) -> None:
        outcome = desk.run(*arguments)

        faults = outcome.json["error"]["faults"]
        assert (outcome.code, [fault["path"] for fault in faults]) == (2, paths)
        assert all(fault["hint"] for fault in faults)
        assert (outcome.err, list(desk.folder.iterdir())) == ("", [])


class TestWrittenInput:
    @pytest.mark.parametrize(("text", "line", "word"), _WRITTEN.values(), ids=_WRITTEN)
    def test_that_is_wrong_is_told_with_its_place(self, desk: Any, text: str, line: int, word: str) -> None:
        (desk.folder / "semantest.yaml").write_text(text, encoding="utf-8")

        outcome = desk.run(*_DEPLOY)

        faults = outcome.json["error"]["faults"]
        found = [fault for fault in faults if fault.get("line") == line and word in fault["message"]]
        assert (outcome.code, len(found)) == (2, 1), faults
        assert found[0]["file"] == "semantest.yaml"
        assert not desk.home.exists()

    def test_is_told_to_people_with_line_and_column(self, desk: Any) -> None:
        (desk.folder / "semantest.yaml").write_text("provder: aws\n", encoding="utf-8")

        outcome = desk.run("config", "validate")

        assert (outcome.code, outcome.out) == (2, "")
        assert "  semantest.yaml:1:1 provder: unknown key\n      Did you mean 'provider'?" in outcome.err


class TestPlaces:
    def test_of_sources_are_relative_to_the_file_that_names_them(self, desk: Any, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "own.yaml").write_text("components: {rest-api: {source: nowhere}}\n", encoding="utf-8")

        outcome = desk.run(*_DEPLOY, "--config", "elsewhere/own.yaml")

        (fault,) = outcome.json["error"]["faults"]
        assert f"'{elsewhere / 'nowhere'}' does not exist" in fault["message"]


class TestProduction:
    @pytest.mark.parametrize("command", ["deploy", "preview", "destroy"])
    def test_is_refused_without_its_engine(self, desk: Any, command: str) -> None:
        outcome = desk.run(command, "--component", "rest-api", "--env", "production", "--json")

        assert (outcome.code, outcome.json["error"]["code"]) == (3, "ENGINE_UNAVAILABLE")
        assert list(desk.folder.iterdir()) == []

    def test_passes_validation_as_it_was_ordered(self, desk: Any) -> None:
        ordered = Path(__file__).parents[2] / "docs" / "examples" / "production.yaml"

        outcome = desk.run("config", "validate", "--config", str(ordered), "--json")

        assert (outcome.code, outcome.json["faults"]) == (0, [])
        assert sorted(warning["path"] for warning in outcome.json["warnings"]) == [
            "components.rest-api.environment.DATABASE_URL",
            "components.rest-api.timeout",
            "components.websocket.environment.REDIS_URL",
            "scaling.metrics",
        ]

"""`init` writes a configuration that is valid as it is, and overwrites nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.presentation.cli.program import run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from tests.documented_examples import read_examples, write_example
from tests.fakes.screen import Screen

Run = Callable[..., tuple[int, Any, str]]
_HANDLER = "def handler(event, context):\n    return {'statusCode': 200}\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder with `--json`."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any, str]:
        out, err = Screen(), Screen()
        code = run_cli([*arguments, "--json"], Application, Terminal(out, err))
        return code, json.loads(out.text), err.text

    return call


def _written(folder: Path) -> str:
    return (folder / "semantest.yaml").read_text(encoding="utf-8")


class AnsweredTerminal(Terminal):
    """A terminal at which a person gives these answers, one to each question."""

    def __init__(self, *answers: str) -> None:
        self.screen = Screen(watched=True)
        super().__init__(self.screen, Screen())
        self.questions: list[str] = []
        self._answers = list(answers)

    @property
    def can_ask(self) -> bool:
        return True

    def ask(self, question: str) -> str:
        self.questions.append(question)
        return self._answers.pop(0)


class TestQuestions:
    def test_have_defaults(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        terminal = AnsweredTerminal("shop", "", "")

        code = run_cli(["init"], Application, terminal)

        assert (code, len(terminal.questions), terminal.questions[1:]) == (
            0,
            3,
            ["Cloud (aws, azure) [aws]: ", "Name of the component [rest-api]: "],
        )
        assert "project: shop " in _written(tmp_path)
        assert "provider: aws " in _written(tmp_path)
        assert terminal.screen.text.endswith("Try next:\n  python -m semantest_iac deploy --component rest-api\n")

    def test_are_not_asked_where_options_answer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        terminal = AnsweredTerminal()

        code = run_cli(["init", "--project", "p", "--provider", "azure", "--component", "c"], Application, terminal)

        assert (code, terminal.questions) == (0, [])


class TestInit:
    @pytest.mark.parametrize("provider", ["aws", "azure"])
    @pytest.mark.parametrize("title", read_examples())
    def test_writes_a_valid_file_for_each_framework(self, tmp_path: Path, run: Run, title: str, provider: str) -> None:
        (write_example(title, tmp_path) / "semantest.yaml").unlink()

        code, answer, _ = run("init", "--provider", provider, "--yes")
        checked, validated, _ = run("config", "validate")

        assert (code, answer["faults"], checked, validated["valid"]) == (0, [], 0, True)
        assert f"# {title}, found in" in _written(tmp_path)
        assert answer["next"] == ["python -m semantest_iac deploy --component rest-api"]

    @pytest.mark.parametrize(
        "files",
        [{}, {"odd name/add.py": _HANDLER, "odd name/requirements.txt": ""}, {"a.py": _HANDLER, "b.py": _HANDLER}],
        ids=["nothing", "a handler", "two handlers"],
    )
    def test_writes_a_valid_file_for(self, tmp_path: Path, run: Run, files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")

        code, answer, _ = run("init", "--yes")

        assert (code, answer["faults"]) == (0, [])
        assert not (tmp_path / ".semantest").exists()

    def test_makes_a_component_of_each_of_several_services(self, tmp_path: Path, run: Run) -> None:
        for folder, title in (("shop/web", "Express"), ("shop/2 users", "Starlette"), ("websocket", "Koa")):
            (write_example(title, tmp_path / folder) / "semantest.yaml").unlink()

        code, answer, _ = run("init", "--yes", "--project", "shop")

        assert (code, answer["faults"], answer["next"]) == (
            0,
            [],
            ["python -m semantest_iac deploy --component all"],
        )
        assert {name: service["framework"] for name, service in answer["components"].items()} == {
            "users": "Starlette",
            "web": "Express",
            "websocket-api": "Koa",
        }
        assert _written(tmp_path).count("    type: rest-api\n") == 3

    def test_takes_the_project_from_the_folder(self, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "3. My_Shop"
        folder.mkdir()
        monkeypatch.chdir(folder)

        _, answer, _ = run("init", "--yes", "--component", "basket")

        assert (answer["project"], answer["faults"], answer["next"]) == (
            "my-shop",
            [],
            ["python -m semantest_iac deploy --component basket"],
        )

    def test_names_the_secrets_that_the_code_needs(self, tmp_path: Path, run: Run) -> None:
        (write_example("Django", tmp_path) / "semantest.yaml").unlink()

        _, answer, _ = run("init", "--yes")

        assert "      DJANGO_SECRET_KEY: ${secrets.django_secret_key}" in _written(tmp_path)
        assert [warning["path"] for warning in answer["warnings"]] == [
            "components.rest-api.environment.DJANGO_SECRET_KEY"
        ]

    def test_refuses_to_overwrite(self, tmp_path: Path, run: Run) -> None:
        (tmp_path / "semantest.yaml").write_text("provider: azure\n")

        refused, answer, _ = run("init", "--yes")
        kept = _written(tmp_path)
        forced, _, _ = run("init", "--yes", "--force")

        assert (refused, answer["error"]["code"], kept) == (3, "FILE_EXISTS", "provider: azure\n")
        assert str(tmp_path / "semantest.yaml") in answer["error"]["message"]
        assert (forced, "provider: aws" in _written(tmp_path)) == (0, True)

    @pytest.mark.parametrize(
        ("arguments", "path"),
        [
            (("--source", "nowhere"), "--source"),
            (("--provider", "awz"), "provider"),
            (("--project", "My Shop"), "project"),
            (("--component", "all"), "component"),
        ],
    )
    def test_refuses_wrong_options(self, tmp_path: Path, run: Run, arguments: tuple[str, ...], path: str) -> None:
        code, answer, _ = run("init", *arguments)

        assert (code, [fault["path"] for fault in answer["error"]["faults"]]) == (2, [path])
        assert list(tmp_path.iterdir()) == []

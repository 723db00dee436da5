"""The pipelines of docs/ci do what they say: their shell runs here, with the sandbox as the cloud."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from .build_pipelines import (
    Notes,
    Runner,
    github_script,
    gitlab_script,
    read_pipeline,
    require_programs,
    serve_notes,
    visible_text,
)

_TOKEN = "canary-5ecre7-token"
_FAULTY = "components:\n  rest-api:\n    memroy: 1\n"


class TestGithubWorkflow:
    @pytest.fixture
    def runner(self, tmp_path: Path) -> Runner:
        require_programs("bash", "jq")
        files = {name: str(tmp_path / name) for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        variables = {"GITHUB_REPOSITORY": "shop/api", "PULL_REQUEST": "12", "COMMIT": "0123456789abcdef" * 2}
        unset = dict.fromkeys(read_pipeline("github-actions.yml")["env"].keys() - {"COMPONENTS", "ENVIRONMENT"}, "")
        return Runner(tmp_path, {**files, **unset, **variables, "RUNNER_TEMP": str(tmp_path)})

    def _preview(self, runner: Runner) -> tuple[str, int]:
        """Preview and comment; returns the only comment and the exit code of the last step."""
        assert runner.run(github_script("preview", "Preview")).returncode == 0
        outputs = (runner.folder / "GITHUB_OUTPUT").read_text(encoding="utf-8").splitlines()
        ended = runner.run(github_script("preview", "Comment"), CODE=outputs[-1].removeprefix("code="))
        (comment,) = json.loads((runner.folder / "comments.json").read_text(encoding="utf-8"))
        return comment["body"], ended.returncode

    def test_comments_the_plan(self, runner: Runner) -> None:
        comment, code = self._preview(runner)

        lines = visible_text(comment).splitlines()
        assert code == 0
        assert lines[:2] == ["### Preview of development at 0123456789ab", "```text"]
        assert "Plan: 19 to create" in lines
        assert lines[-1] == "```"

    def test_updates_its_comment_and_no_other(self, runner: Runner) -> None:
        others = [{"id": 1, "user": {"type": "Bot"}, "body": "<!-- semantest-iac: preview of qa -->\n"}]
        others += [{"id": 2, "user": {"type": "User"}, "body": "<!-- semantest-iac: preview of development -->\n"}]
        (runner.folder / "comments.json").write_text(json.dumps(others), encoding="utf-8")
        preview, comment = github_script("preview", "Preview"), github_script("preview", "Comment")

        for variables in ({}, {"SEMANTEST_COMPONENTS__REST_API__MEMORY": "1024"}):
            runner.run(preview, **variables)
            assert runner.run(comment, CODE="0").returncode == 0

        calls = (runner.folder / "calls.txt").read_text(encoding="utf-8").splitlines()
        changes = [call for call in calls if not call.startswith("GET")]
        assert changes == [
            "POST repos/shop/api/issues/12/comments",
            "PATCH repos/shop/api/issues/comments/102",
        ]

    def test_comments_why_there_is_no_plan(self, runner: Runner) -> None:
        (runner.folder / "semantest.yaml").write_text(_FAULTY, encoding="utf-8")

        comment, code = self._preview(runner)

        assert code == 2
        assert "ended with exit code 2." in comment
        assert "memroy: unknown key" in comment

    def test_shortens_a_long_plan_and_keeps_it_in_its_block(self, runner: Runner) -> None:
        (runner.folder / "plan.txt").write_text("```\n" + "  line of a plan\n" * 900, encoding="utf-8")
        (runner.folder / "messages.txt").write_text("", encoding="utf-8")

        runner.run(github_script("preview", "Comment"), CODE="0")

        (comment,) = json.loads((runner.folder / "comments.json").read_text(encoding="utf-8"))
        assert len(comment["body"]) < 65_536
        assert comment["body"].count("```") == 2
        assert comment["body"].splitlines()[-1].startswith("This is the beginning")

    def test_keeps_the_passphrase_in_a_file_of_its_own(self, runner: Runner) -> None:
        ended = runner.run(github_script("deploy", "Write the passphrase"), PASSPHRASE=_TOKEN)

        variable = (runner.folder / "GITHUB_ENV").read_text(encoding="utf-8")
        file = Path(variable.strip().removeprefix("SEMANTEST_STATE_PASSPHRASE_FILE="))
        assert (ended.returncode, file.read_text(encoding="utf-8")) == (0, _TOKEN)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert _TOKEN not in ended.stdout + ended.stderr + variable

    def test_deploys_and_lists_each_stack(self, runner: Runner) -> None:
        ended = runner.run(github_script("deploy", "Deploy"), COMPONENTS="rest-api websocket", ALLOW_DESTRUCTIVE="")

        summary = (runner.folder / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8").splitlines()
        assert ended.returncode == 0, ended.stderr
        assert sorted(line.rpartition("//")[0] for line in summary) == [
            "rest-api.aws.development.us-east-1: completed https:",
            "websocket.aws.development.us-east-1: completed wss:",
        ]

    def test_allows_what_a_person_allowed(self, runner: Runner) -> None:
        ended = runner.run(github_script("deploy", "Deploy"), ALLOW_DESTRUCTIVE="true")

        assert ended.returncode == 0, ended.stderr

    def test_says_what_is_wrong_with_the_configuration(self, runner: Runner) -> None:
        (runner.folder / "semantest.yaml").write_text(_FAULTY, encoding="utf-8")

        ended = runner.run(github_script("deploy", "Deploy"), ALLOW_DESTRUCTIVE="")

        assert ended.returncode == 2
        assert "CONFIGURATION_ERROR: Cannot accept component 'rest-api': 1 fault." in ended.stdout
        assert "memroy: unknown key" in ended.stdout
        assert "::error::The configuration or the command is wrong" in ended.stdout

    def test_says_what_became_of_a_failed_deployment(self, runner: Runner) -> None:
        broken = runner.folder / "broken"
        broken.mkdir()
        (broken / "app.py").write_text("raise RuntimeError('no start')\n", encoding="utf-8")
        source = "components:\n  rest-api:\n    source: broken\n    runtime: python3.13\n    handler: app.handler\n"
        (runner.folder / "semantest.yaml").write_text(source, encoding="utf-8")

        ended = runner.run(github_script("deploy", "Deploy"), ALLOW_DESTRUCTIVE="")

        assert ended.returncode == 1, ended.stdout + ended.stderr
        assert "rest-api.aws.development.us-east-1: " in ended.stdout
        assert "::error::A deployment failed" in ended.stdout


class TestGitlabTemplate:
    @pytest.fixture
    def api(self) -> Iterator[tuple[str, type[Notes]]]:
        with serve_notes(_TOKEN) as served:
            yield served

    @pytest.fixture
    def runner(self, tmp_path: Path, api: tuple[str, type[Notes]]) -> Runner:
        require_programs("bash", "jq", "curl")
        names = ("AWS_ID_TOKEN", "SEMANTEST_STATE_PASSPHRASE", "COMMENT_TOKEN")
        variables = {"CI_PIPELINE_ID": "5", "CI_COMMIT_SHORT_SHA": "01234567", "CI_PROJECT_ID": "3"}
        return Runner(
            tmp_path / "job",
            {**dict.fromkeys(names, _TOKEN), **variables, "CI_API_V4_URL": api[0], "CI_MERGE_REQUEST_IID": "12"},
        )

    def test_comments_the_plan_and_updates_it(self, runner: Runner, api: tuple[str, type[Notes]]) -> None:
        api[1].notes.append({"id": 1, "body": "A note of a person"})

        ends = [runner.run(gitlab_script("preview")) for _ in range(2)]

        assert [ended.returncode for ended in ends] == [0, 0], ends[0].stderr
        assert [call for call in api[1].calls if not call.startswith("GET")] == [
            "POST /api/v4/projects/3/merge_requests/12/notes",
            "PUT /api/v4/projects/3/merge_requests/12/notes/8",
        ]
        assert "### Preview of development at 01234567" in api[1].notes[1]["body"]
        assert "Plan: 19 to create" in api[1].notes[1]["body"]

    def test_comments_why_there_is_no_plan(self, runner: Runner, api: tuple[str, type[Notes]]) -> None:
        (runner.folder / "semantest.yaml").write_text(_FAULTY, encoding="utf-8")

        ended = runner.run(gitlab_script("preview"))

        assert ended.returncode == 2
        assert "memroy: unknown key" in api[1].notes[0]["body"]

    def test_fails_where_it_may_not_comment(self, runner: Runner, api: tuple[str, type[Notes]]) -> None:
        ended = runner.run(gitlab_script("preview"), COMMENT_TOKEN="another")

        assert ended.returncode != 0
        assert api[1].notes == []
        assert "401" in ended.stderr

    def test_keeps_secrets_in_files_of_its_own(self, runner: Runner) -> None:
        script = gitlab_script("deploy") + "\n"
        probe = 'stat -c %a "$AWS_WEB_IDENTITY_TOKEN_FILE" "$SEMANTEST_STATE_PASSPHRASE_FILE"; env'

        ended = runner.run(script.replace('exit "$code"', probe))

        assert "\n600\n600\n" in ended.stdout
        assert [path.name for path in runner.folder.glob("tmp.*")] == []
        assert [line for line in ended.stdout.splitlines() if _TOKEN in line] == [f"COMMENT_TOKEN={_TOKEN}"]

    def test_deploys_and_lists_each_stack(self, runner: Runner) -> None:
        ended = runner.run(gitlab_script("deploy"))

        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.startswith("rest-api.aws.development.us-east-1: completed https://")

    def test_says_what_is_wrong_with_the_configuration(self, runner: Runner) -> None:
        (runner.folder / "semantest.yaml").write_text(_FAULTY, encoding="utf-8")

        ended = runner.run(gitlab_script("deploy"))

        assert ended.returncode == 2
        assert "memroy: unknown key" in ended.stdout
        assert ended.stdout.endswith("nothing was changed.\n")

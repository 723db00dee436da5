"""The pipelines of docs/ci: few rights, pinned actions, no secret on a command line; actionlint accepts one of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

_TOOL_FOLDERS = r"(?:\./)?\.semantest-iac|/opt/semantest-iac"
_PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
_GITLAB_KEYWORDS = {"extends", "rules", "interruptible", "timeout", "script", "environment", "resource_group"}


@pytest.fixture(params=["github-actions.yml", "gitlab-ci.yml"])
def text(request: pytest.FixtureRequest, root: Path) -> str:
    name: str = request.param
    return (root / "docs" / "ci" / name).read_text(encoding="utf-8")


@pytest.fixture
def workflow(root: Path) -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load((root / "docs" / "ci" / "github-actions.yml").read_text(encoding="utf-8"))
    return read


@pytest.fixture
def template(root: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((root / "docs" / "ci" / "gitlab-ci.yml").read_text(encoding="utf-8"))
    return read


def _steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def _find_actionlint() -> str:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "semantest-iac"
    built = sorted(cache.glob("actionlint-*/actionlint"))
    program = shutil.which("actionlint") or (str(built[-1]) if built else None)
    if program is None:
        pytest.skip("actionlint is not on the PATH: `tools/install_programs` builds it with Go")
    return program


class TestBoth:
    def test_install_what_is_there(self, root: Path, text: str) -> None:
        paths = re.findall(rf"(?:{_TOOL_FOLDERS})/([\w./-]+)", text)

        assert paths
        assert [path for path in paths if not (root / path).exists()] == []

    def test_install_the_locked_packages_by_hash(self, text: str) -> None:
        installs = re.findall(r"pip install .*", text)

        assert len(installs) == 2
        assert "--no-deps --require-hashes -r" in installs[0]
        assert "--no-deps --no-build-isolation" in installs[1]

    def test_name_no_environment_that_is_not_deployed(self, text: str) -> None:
        read = yaml.safe_load(text)
        (variables,) = [read[name] for name in ("env", "variables") if name in read]

        assert (variables["COMPONENTS"], variables["ENVIRONMENT"]) == ("all", "production")

    def test_are_explained(self, root: Path, text: str) -> None:
        readme = (root / "docs" / "ci" / "README.md").read_text(encoding="utf-8")
        named = set(re.findall(r"(?:vars|secrets)\.([A-Z_]+)", text))
        named |= set(re.findall(r"\$\{?((?:SEMANTEST|COMMENT|ALLOW)_[A-Z_]+)", text))

        assert {name for name in named if name not in readme} == {"SEMANTEST_STATE_PASSPHRASE_FILE"} & named


class TestGithubWorkflow:
    def test_has_no_more_rights_than_it_needs(self, workflow: dict[Any, Any]) -> None:
        jobs = {name: job["permissions"] for name, job in workflow["jobs"].items()}

        assert workflow["permissions"] == {}
        assert jobs == {
            "preview": {"contents": "read", "id-token": "write", "pull-requests": "write"},
            "deploy": {"contents": "read", "id-token": "write"},
        }
        assert "pull_request_target" not in workflow[True]  # YAML reads `on` as true

    def test_pins_every_action_by_a_commit(self, root: Path) -> None:
        text = (root / "docs" / "ci" / "github-actions.yml").read_text(encoding="utf-8")
        uses = [line.strip() for line in text.splitlines() if "uses:" in line]

        assert uses
        assert [line for line in uses if not _PINNED.match(line.removeprefix("- "))] == []

    def test_puts_no_expression_into_shell(self, workflow: dict[Any, Any]) -> None:
        assert [step["name"] for step in _steps(workflow) if "${{" in step.get("run", "")] == []

    def test_gives_secrets_to_steps_of_its_own_alone(self, workflow: dict[Any, Any]) -> None:
        foreign = [step for step in _steps(workflow) if "uses" in step]

        assert "secrets." not in str(workflow["env"]) + str(foreign)
        assert all("env" not in job for job in workflow["jobs"].values())

    def test_deploys_to_an_environment_one_at_a_time(self, workflow: dict[Any, Any]) -> None:
        deploy, preview = workflow["jobs"]["deploy"], workflow["jobs"]["preview"]

        assert deploy["environment"] == workflow["env"]["ENVIRONMENT"]
        assert deploy["concurrency"] == {"group": "deploy-production", "cancel-in-progress": False}
        assert preview["concurrency"]["cancel-in-progress"] is True
        assert "head.repo.full_name == github.repository" in preview["if"]

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("", "", ""),
            ("id: preview\n", "id: plan\n", 'property "preview" is not defined'),
            ("timeout-minutes:", "timeout:", 'unexpected key "timeout" for "job" section'),
            ("pull-requests: write", "pull-request: write", 'unknown permission scope "pull-request"'),
        ],
        ids=["whole", "unknown step", "unknown key", "unknown right"],
    )
    def test_is_accepted_by_actionlint(self, root: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
        program = _find_actionlint()
        text = (root / "docs" / "ci" / "github-actions.yml").read_text(encoding="utf-8")
        file = tmp_path / "infrastructure.yml"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        options = ["-no-color", "-shellcheck=", "-pyflakes="]  # what these say depends on which are installed

        ended = subprocess.run([program, *options, file], capture_output=True, text=True, check=False, timeout=120)

        assert (ended.returncode, bool(ended.stdout)) == ((1, True) if message else (0, False)), ended.stdout
        assert message in ended.stdout


class TestGitlabTemplate:
    def test_previews_merge_requests_and_deploys_the_default_branch(self, template: dict[str, Any]) -> None:
        rules = {name: template[name]["rules"] for name in ("preview", "deploy")}

        assert rules == {
            "preview": [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}],
            "deploy": [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}],
        }

    def test_deploys_to_an_environment_one_at_a_time(self, template: dict[str, Any]) -> None:
        deploy = template["deploy"]

        assert deploy["environment"] == {"name": template["variables"]["ENVIRONMENT"]}
        assert (deploy["resource_group"], deploy["interruptible"]) == ("production", False)

    def test_uses_keywords_of_jobs(self, template: dict[str, Any]) -> None:
        jobs = {name: set(template[name]) - _GITLAB_KEYWORDS for name in ("preview", "deploy")}

        assert jobs == {"preview": set(), "deploy": set()}
        assert set(template[".semantest-iac"]) == {"image", "id_tokens", "before_script"}
        assert set(template) == {"workflow", "variables", ".semantest-iac", "preview", "deploy"}

    def test_gets_tokens_for_the_cloud_alone(self, template: dict[str, Any]) -> None:
        assert template[".semantest-iac"]["id_tokens"] == {"AWS_ID_TOKEN": {"aud": "https://sts.amazonaws.com"}}

    def test_puts_no_secret_on_a_command_line(self, template: dict[str, Any]) -> None:
        lines = "\n".join([*template[".semantest-iac"]["before_script"], *template["preview"]["script"]]).splitlines()
        with_secrets = [line.strip() for line in lines if re.search(r"\$\w*(TOKEN|PASSPHRASE)\b", line)]

        assert with_secrets
        assert [line for line in with_secrets if not line.startswith("printf ")] == []  # a command of the shell itself

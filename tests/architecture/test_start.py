"""Commands that only look start without the heavy libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_HEAVY = {"asyncio", "cryptography", "grpc", "pulumi", "pulumi_aws", "pydantic", "rich", "yaml"}


def _run(home: Path, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-m", "semantest_iac", *arguments],
        env={**os.environ, "SEMANTEST_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture(scope="module")
def deployed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one deployment in its ledger: an empty ledger would hide what reading one loads."""
    if not (root / "semantest_iac" / "__main__.py").exists():
        pytest.skip("there is no command line yet")
    home = tmp_path_factory.mktemp("home")
    _run(home, "deploy", "--component", "rest-api", "--provider", "aws")
    return home


class TestStart:
    @pytest.mark.parametrize("command", ["--help", "setup --help", "status", "history"])
    def test_loads_nothing_heavy(self, deployed: Path, command: str) -> None:
        report = _run(deployed, *command.split(), options=("-X", "importtime")).stderr

        assert _loaded(report) & _HEAVY == set()
        assert "semantest_iac" in _loaded(report)

    @pytest.mark.parametrize("words", ["deploy ", "invoke "])
    def test_completes_words_without_them(self, deployed: Path, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("_SEMANTEST_IAC_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", f"semantest-iac {words}")
        monkeypatch.setenv("COMP_CWORD", "2")

        ended = _run(deployed, options=("-X", "importtime"))

        assert _loaded(ended.stderr) & _HEAVY == set()
        assert "plain,rest-api.aws.development.us-east-1" in ended.stdout

    @pytest.mark.parametrize("provider", ["aws", "azure"])
    def test_checks_a_configuration_without_the_cloud_s_sdk(self, deployed: Path, provider: str) -> None:
        command = ("config", "validate", "--provider", provider)

        report = _run(deployed, *command, options=("-X", "importtime")).stderr

        assert {name for name in _loaded(report) if name.startswith("pulumi")} == set()

    def test_calls_and_destroys_without_pulumi_s_sdk(self, deployed: Path) -> None:
        for command in ("invoke rest-api GET /health", "destroy rest-api --yes"):
            report = _run(deployed, *command.split(), options=("-X", "importtime")).stderr

            assert _loaded(report) & {"grpc", "pulumi", "pulumi_aws"} == set(), command


class TestStartWithoutItsLibraries:
    def test_says_which_python_has_them(self, root: Path) -> None:
        command = [sys.executable, "-S", "-m", "semantest_iac", "status"]

        ended = subprocess.run(command, cwd=root, env={}, capture_output=True, text=True, check=False)

        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.splitlines()[-1] == "Hint: Run: make deploy, which makes .venv, then: . .venv/bin/activate"
        assert "Traceback" not in ended.stderr


def _loaded(report: str) -> set[str]:
    return {line.rsplit("|", 1)[-1].strip().partition(".")[0] for line in report.splitlines()}

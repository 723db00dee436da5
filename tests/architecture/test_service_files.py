"""The files that run a worker as a service: their options exist, what they copy is there, and systemd accepts them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import click
import pytest

from semantest_iac.presentation.cli.commands.queue import worker_command

_HARDENING = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "CapabilityBoundingSet": "",
    "KillMode": "mixed",
    "KillSignal": "SIGTERM",
    "Restart": "always",
    "StateDirectory": "semantest-iac",
    "UMask": "0077",
}
_INSTRUCTIONS = {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "STOPSIGNAL", "HEALTHCHECK"} | {
    "ENTRYPOINT",
    "CMD",
}


def _parse_worker_options(words: list[str]) -> dict[str, object]:
    """Return the options of `semantest-iac worker …` as the command line reads them."""
    assert words[0] == "worker"
    with click.Context(click.Command("semantest-iac")):
        # click keeps the names of the help option that a command is first used with
        return worker_command.make_context("worker", words[1:], help_option_names=["-h", "--help"]).params


class TestSystemdUnit:
    @pytest.fixture
    def service(self, root: Path) -> dict[str, str]:
        unit = RawConfigParser(strict=True)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        text = re.sub(r"^Environment=", "Environment_of_=", self._read(root), flags=re.MULTILINE)
        unit.read_string(re.sub(r"^Environment_of_=(\w+)=", r"Environment_\1=", text, flags=re.MULTILINE))
        return dict(unit["Service"])

    def _read(self, root: Path) -> str:
        return (root / "docs" / "worker.service").read_text(encoding="utf-8")

    def test_is_hardened_and_drains(self, service: dict[str, str]) -> None:
        assert {name: service.get(name) for name in _HARDENING} == _HARDENING
        assert service["EnvironmentFile"].startswith("-/etc/")

    def test_starts_a_worker_with_options_that_exist(self, service: dict[str, str]) -> None:
        program, *words = shlex.split(service["ExecStart"])

        options = _parse_worker_options(words)

        assert program.endswith("/semantest-iac")
        assert (options["health_address"], options["log_format"]) == (("127.0.0.1", 8099), "json")

    @pytest.mark.parametrize(("added", "is_accepted"), [("", True), ("KillMod=mixed", False)], ids=["whole", "spoilt"])
    def test_is_accepted_by_systemd(self, root: Path, tmp_path: Path, added: str, is_accepted: bool) -> None:
        program = shutil.which("systemd-analyze")
        if program is None:
            pytest.skip("systemd-analyze is not on the PATH")
        unit = tmp_path / "semantest-iac-worker.service"
        text = re.sub(r"(?m)^ExecStart=\S+", f"{added}\nExecStart={sys.executable}", self._read(root))
        unit.write_text(text, encoding="utf-8")

        report = subprocess.run(
            [program, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=120
        )

        complaints = [line for line in (report.stdout + report.stderr).splitlines() if unit.name in line]
        assert (complaints == []) is is_accepted


class TestDockerfile:
    @pytest.fixture
    def instructions(self, root: Path) -> list[tuple[str, str]]:
        """The instructions with their arguments, in order."""
        text = (root / "docs" / "Dockerfile").read_text(encoding="utf-8")
        lines = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
        return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines if line.strip()]

    def test_has_known_instructions_and_no_host_of_a_registry(self, instructions: list[tuple[str, str]]) -> None:
        assert {name for name, _ in instructions} <= _INSTRUCTIONS
        images = [text for name, text in instructions if name == "FROM" or text.startswith("PYTHON_IMAGE")]
        assert all("." not in image.partition(":")[0] and "/" not in image for image in images)

    def test_copies_only_what_is_there(self, root: Path, instructions: list[tuple[str, str]]) -> None:
        copied = [text.split()[:-1] for name, text in instructions if name == "COPY" and not text.startswith("--from")]
        paths = [path for paths in copied for path in paths]

        assert paths
        assert [path for path in paths if not (root / path).exists()] == []

    def test_copies_everything_that_is_built_into_the_package(
        self, root: Path, instructions: list[tuple[str, str]]
    ) -> None:
        import tomllib

        settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
        needed = [*wheel["packages"], *wheel["force-include"], settings["project"]["readme"]]
        copied = [path for name, text in instructions if name == "COPY" for path in text.split()[:-1]]

        assert [path for path in needed if not any(path == it or path.startswith(f"{it}/") for it in copied)] == []

    def test_installs_by_hash_and_runs_as_nobody_special(self, instructions: list[tuple[str, str]]) -> None:
        installs = [text for name, text in instructions if name == "RUN" and "pip install" in text]
        by_name = dict(instructions)

        assert all("--no-deps" in text for text in installs)
        assert any("--require-hashes -r requirements/worker.txt" in text for text in installs)
        assert (by_name["USER"], by_name["STOPSIGNAL"]) == ("10001:10001", "SIGTERM")
        assert "/healthz" in by_name["HEALTHCHECK"]

    def test_starts_a_worker_with_options_that_exist(self, instructions: list[tuple[str, str]]) -> None:
        by_name = dict(instructions)

        options = _parse_worker_options(json.loads(by_name["CMD"]))

        assert json.loads(by_name["ENTRYPOINT"]) == ["semantest-iac"]
        assert options["health_address"] == ("127.0.0.1", 8099)
        assert "127.0.0.1:8099/healthz" in by_name["HEALTHCHECK"]

    def test_of_the_health_check_is_python(self, instructions: list[tuple[str, str]]) -> None:
        command = json.loads(dict(instructions)["HEALTHCHECK"].partition(" CMD ")[2])

        compile(command[2], "HEALTHCHECK", "exec")
        assert command[:2] == ["python", "-c"]

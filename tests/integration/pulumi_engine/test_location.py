"""Which CLI is found, and why one cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.pulumi_engine.cli.location import (
    CLI_PATH_VARIABLE,
    PRIVATE_CLI_FOLDER_NAME,
    find_pulumi_cli,
)


def create_cli(folder: Path, answer: str = "echo v3.260.1") -> Path:
    """A CLI that answers `version`."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


class TestFindPulumiCli:
    def test_prefers_the_one_that_was_named(self, tmp_path: Path) -> None:
        named, on_path = create_cli(tmp_path / "named"), create_cli(tmp_path / "path")

        cli = find_pulumi_cli({CLI_PATH_VARIABLE: str(named), "PATH": str(on_path.parent)})

        assert (cli.path, cli.version) == (named, "3.260.1")

    def test_prefers_the_path_to_the_one_built_here(self, tmp_path: Path) -> None:
        on_path = create_cli(tmp_path / "path")
        create_cli(tmp_path / "cache" / "semantest-iac" / PRIVATE_CLI_FOLDER_NAME)

        variables = {"PATH": str(on_path.parent), "XDG_CACHE_HOME": str(tmp_path / "cache")}

        assert find_pulumi_cli(variables).path == on_path

    def test_takes_the_one_built_here(self, tmp_path: Path) -> None:
        built = create_cli(tmp_path / ".cache" / "semantest-iac" / PRIVATE_CLI_FOLDER_NAME)

        assert find_pulumi_cli({"HOME": str(tmp_path), "PATH": ""}).path == built

    @pytest.mark.parametrize("folder", ["", "bin"], ids=["built", "installed"])
    def test_passes_over_one_on_the_path_that_does_not_fit(self, tmp_path: Path, folder: str) -> None:
        old = create_cli(tmp_path / "path", "echo v3.100.0")
        private = create_cli(tmp_path / ".cache" / "semantest-iac" / PRIVATE_CLI_FOLDER_NAME / folder)

        assert find_pulumi_cli({"HOME": str(tmp_path), "PATH": str(old.parent)}).path == private

    def test_asks_for_the_version_once(self, tmp_path: Path) -> None:
        named = create_cli(tmp_path, f"echo asked >> {tmp_path}/log; echo v3.260.1")

        for _ in range(2):
            find_pulumi_cli({CLI_PATH_VARIABLE: str(named), "XDG_CACHE_HOME": str(tmp_path)})

        assert (tmp_path / "log").read_text() == "asked\n"

    def test_asks_again_when_the_program_has_changed(self, tmp_path: Path) -> None:
        variables = {CLI_PATH_VARIABLE: str(create_cli(tmp_path)), "XDG_CACHE_HOME": str(tmp_path)}
        find_pulumi_cli(variables)
        create_cli(tmp_path, "echo v3.261.10")

        assert find_pulumi_cli(variables).version == "3.261.10"

    @pytest.mark.parametrize(
        ("answer", "cause"),
        [
            ("echo v3.249.0", "older than 3.250.0"),
            ("echo v4.0.0", "does not fit the Pulumi SDK"),
            ("echo hello", "is not a version"),
            ("exit 1", "does not answer"),
        ],
    )
    def test_refuses_one_that_does_not_fit(self, tmp_path: Path, answer: str, cause: str) -> None:
        named = create_cli(tmp_path, answer)

        with pytest.raises(RefusedError, match=cause) as caught:
            find_pulumi_cli({CLI_PATH_VARIABLE: str(named)})

        assert "setup" in caught.value.hint

    def test_does_not_look_elsewhere_when_the_named_one_is_missing(self, tmp_path: Path) -> None:
        on_path = create_cli(tmp_path)

        with pytest.raises(RefusedError, match="it does not exist"):
            find_pulumi_cli({CLI_PATH_VARIABLE: str(tmp_path / "gone"), "PATH": str(on_path.parent)})

    def test_says_what_to_do_where_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(RefusedError, match="not on this machine") as caught:
            find_pulumi_cli({"PATH": "", "HOME": str(tmp_path)})

        assert "setup" in caught.value.hint

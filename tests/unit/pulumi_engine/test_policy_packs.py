"""Which folders are policy packs that can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.domain.errors import ValidationError
from semantest_iac.infrastructure.pulumi_engine.cli.policy_packs import read_policy_packs


def make_pack(folder: Path, project: str = "runtime: python", environment: str = "venv") -> Path:
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text(f"name: pack\n{project}\n", encoding="utf-8")
    programs = folder / environment / "bin"
    programs.mkdir(parents=True)
    (programs / "python").touch()
    return folder


class TestReadPolicyPacks:
    def test_reads_those_of_the_variable_first_and_each_once(self, tmp_path: Path) -> None:
        one, two = make_pack(tmp_path / "one"), make_pack(tmp_path / "two", "runtime:\n  name: python", ".venv")

        packs = read_policy_packs({"SEMANTEST_POLICY_PACKS": f"{one}::"}, [two, one])

        assert packs == (one, two)

    def test_none_without_the_variable(self) -> None:
        assert read_policy_packs({}) == ()

    @pytest.mark.parametrize(
        ("project", "environment", "message"),
        [("runtime: nodejs", "venv", "is not in Python"), ("runtime: python", "env", "no environment of its own")],
    )
    def test_refuses_what_cannot_be_run(self, tmp_path: Path, project: str, environment: str, message: str) -> None:
        pack = make_pack(tmp_path / "pack", project, environment)

        with pytest.raises(ValidationError) as refused:
            read_policy_packs({}, [pack, tmp_path / "missing"])

        assert [message in refused.value.faults[0].message, len(refused.value.faults)] == [True, 2]

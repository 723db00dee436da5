"""The file of IAM actions is what cfn-lint has, and its generator says when it is stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import generate_aws_permissions as generator


class TestGeneratedPermissions:
    def test_are_those_of_cfn_lint(self) -> None:
        assert generator.TARGET.read_text(encoding="utf-8") == generator.render_permissions()

    def test_are_told_to_be_stale(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        stale = tmp_path / "permissions.json"
        stale.write_text("{}", encoding="utf-8")

        status = generator.main(["--check"], target=stale)

        assert (status, generator.COMMAND in capsys.readouterr().err) == (1, True)
        assert stale.read_text(encoding="utf-8") == "{}"

    def test_are_written(self, tmp_path: Path) -> None:
        target = tmp_path / "permissions.json"

        assert generator.main([], target=target) == 0
        assert generator.main(["--check"], target=target) == 0
